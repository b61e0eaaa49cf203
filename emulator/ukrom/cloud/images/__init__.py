"""Images that an account has pinned."""
