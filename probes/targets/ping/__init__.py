"""The ICMP engine: pings for any number of targets over one socket for each version of IP. Begin at `pinger`."""
