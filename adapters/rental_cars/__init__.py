"""Rental-car partners, one folder each."""
