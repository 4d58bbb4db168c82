"""The read-only pages of the public door."""
