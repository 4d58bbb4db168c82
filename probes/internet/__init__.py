"""The leg `internet`: probes of targets, uplinks, the monitor's own vantage, and what follows for each server (design §5)."""
