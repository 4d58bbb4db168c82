"""The metrics of the process itself: the only room that uses prometheus_client."""
