"""The test kit of the direct contract: a partner runs it against its own server (``python -m adapters.direct.kit``)."""
