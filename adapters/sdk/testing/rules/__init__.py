"""The rules an adapter is held to, by grade; `catalogue` lists them all."""
