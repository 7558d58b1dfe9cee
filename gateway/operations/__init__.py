"""What operators must know and may do: alarms, switches of partners, accounts that are stopped, what is overdue."""
