"""Hotel partners, one folder each."""
