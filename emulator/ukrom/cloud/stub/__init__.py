"""The stub runner: instances run in name only."""
