"""Everything that speaks to a partner: the SDK, and one folder per partner, grouped by segment."""
