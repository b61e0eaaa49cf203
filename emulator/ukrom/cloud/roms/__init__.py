"""ROMs of instances: what a request may ask for, and where their content comes from."""
