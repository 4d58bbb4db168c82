"""slad.toml: `loading.load` gives a `Config`, or raises `ConfigError` with every problem in it."""
