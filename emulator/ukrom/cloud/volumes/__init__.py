"""Volumes: what they are, which states they have, how they are attached and copied."""
