"""Service groups: published ports and domains in front of instances."""
