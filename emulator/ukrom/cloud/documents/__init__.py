"""The state of an account as plain JSON documents, out of a cloud and back into one."""
