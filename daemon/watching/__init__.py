"""What is watched: the sources, the Internet leg, and the queue of their reports."""
