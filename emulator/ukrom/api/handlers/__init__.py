"""What each operation does with one item; one file for each family of operations."""
