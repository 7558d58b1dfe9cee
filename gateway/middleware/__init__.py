"""Plain ASGI layers around every route."""
