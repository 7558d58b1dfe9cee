"""Airline partners, one folder each."""
