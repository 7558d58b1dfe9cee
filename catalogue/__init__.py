"""What the programme offers and what it is worth: values, benefits, tiers, conversions, entitlements and vouchers.

The rules are pure modules (no database, no network, no clock); the stores beside them keep members and what they hold.
"""
