"""Members' links to their accounts at partners: what is kept, encrypted, and the vault of it."""
