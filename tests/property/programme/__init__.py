"""Random lives of a club."""
