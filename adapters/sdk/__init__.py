"""What an adapter is written against; a partner package imports this and `catalogue`, nothing else of the gateway."""
