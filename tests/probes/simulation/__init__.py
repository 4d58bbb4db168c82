"""Tests of the simulated vCenter: an unmodified pyvmomi is the client."""
