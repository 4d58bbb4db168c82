"""Faults and promises: `matrix` says for each fault how it is injected, which promise it is held against, and by which test."""
