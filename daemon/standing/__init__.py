"""How every server's month and every solution stand, kept up as evidence comes and time passes."""
