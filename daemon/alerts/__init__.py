"""Alerts that slad pushes to Alertmanagers itself, as an alternative to the rules in `deploy/mixin`."""
