"""Links of members in the database, and the tokens of them."""
