"""Adapters without code."""
