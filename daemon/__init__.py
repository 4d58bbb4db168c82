"""The process over time: configuration, ledger, book, metrics, doors, command line."""
