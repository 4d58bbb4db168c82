"""What watches slad from outside: recording rules, alerts, dashboards and runbooks, in the layout of a monitoring mixin."""
