"""Instances: what they are, which states they have, how they start, run and stop."""
