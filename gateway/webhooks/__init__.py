"""Callbacks from partners: inbox and worker."""
