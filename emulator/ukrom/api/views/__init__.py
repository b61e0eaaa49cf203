"""Resources as answers show them; one file for each family."""
