"""The edge: HTTP API, OAuth, webhooks, the redemption engine, the command line, and the one place that wires all."""
