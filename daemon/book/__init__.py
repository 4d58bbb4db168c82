"""The evidence in memory, its counters, and what changed in it since figures were worked out last."""
