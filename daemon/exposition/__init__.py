"""The text of a scrape: families of series, rendered and compressed ahead of whoever asks."""
