"""The ground: settings, secrets, clock, database, logs and the root of the error tree; and the data operators edit.

Imports nothing of the gateway. Only this package reads the environment and the machine's clock.
"""
