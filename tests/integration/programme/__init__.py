"""The programme on both databases: tiers over time, jobs, bonuses, merges, opening balances."""
