"""How one target is tried: a probe a file, listed in `table`; `ping/` is the ICMP engine (design §5)."""
