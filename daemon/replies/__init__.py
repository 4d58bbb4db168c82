"""What the control API answers: one model a noun, made of values of `sla` and known to every room that fills one."""
