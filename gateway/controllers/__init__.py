"""One file per resource: parse, call one service, present."""
