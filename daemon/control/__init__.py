"""The control door: what the command line, and programs of the provider, ask the running daemon, as JSON over HTTP.

On a Unix socket who may open it may use it: it belongs to the daemon's user and group, mode 0660, and the kernel says who
is at the other end. On TCP only with TLS and tokens.
"""
