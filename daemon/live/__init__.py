"""Every month and solution now, and the families of /metrics that show them and the book."""
