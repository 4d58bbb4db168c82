"""`slad demo`: the daemon on a simulated vCenter that goes through faults, now and in the six weeks before."""
