"""The public door: metrics, health and read-only pages over HTTP."""
