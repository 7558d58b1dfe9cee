"""The test kit of the direct contract: a partner runs it against its own server (``gateway adapter kit``)."""
