"""The command line; each command group is its own module, loaded when it is called."""
