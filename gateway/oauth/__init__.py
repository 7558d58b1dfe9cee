"""Who may come in: the token verifier, the development issuer and its clients."""
