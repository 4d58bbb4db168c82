"""Who or what brought about each outage, by facts at hand (`spec/causes.md`)."""
