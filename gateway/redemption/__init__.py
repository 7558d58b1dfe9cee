"""Redemption: one effect, whatever breaks. ``states`` and ``plan`` decide, ``store`` records, ``engine`` speaks."""
