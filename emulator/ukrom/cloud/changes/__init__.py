"""Changes by PATCH: what can be changed of each kind of resource, and what waits for a stop."""
