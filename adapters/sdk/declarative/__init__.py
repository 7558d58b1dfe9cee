"""Adapters without code: a partner's REST interface told by ``mapping.toml`` beside the manifest."""
