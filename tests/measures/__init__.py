"""Measures of the tests themselves, as make targets: branches taken, mutants killed."""
