"""Wire structures of the HTTP contract; unknown fields are refused."""
