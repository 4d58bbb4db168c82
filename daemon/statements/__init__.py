"""Statements as documents."""
