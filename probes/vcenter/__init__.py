"""The vCenter watch (design: watching vCenter): one session, what it says of every virtual server, and since when."""
