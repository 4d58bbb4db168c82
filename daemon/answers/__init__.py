"""What the doors answer: the daemon, its servers and solutions, from memory."""
