"""Airport lounge partners, one folder each."""
