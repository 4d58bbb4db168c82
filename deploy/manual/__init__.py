"""The manual as man pages, and completion for shells: made of the commands themselves and of the docs of slad.toml."""
