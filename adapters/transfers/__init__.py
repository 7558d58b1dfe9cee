"""Airport transfer partners, one folder each."""
