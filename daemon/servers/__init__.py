"""Which virtual servers there are, whose they are, and since when they are in service."""
