"""The journey over the real application: a gateway, its workers and its partners, over HTTP on loopback."""
