"""How partners are spoken to: the SDK that every adapter is written against, and one folder per bundled partner.

Partners never import each other and nothing imports a partner: `adapters.sdk.registry` finds them.
"""
