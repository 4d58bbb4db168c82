"""How the world is observed. A probe yields observations in `sla`'s vocabulary and never judges."""
