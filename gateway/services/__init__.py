"""One use case per file; a service owns its transactions."""
