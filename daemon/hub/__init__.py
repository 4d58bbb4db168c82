"""The store on PostgreSQL that evidence of several monitors comes together in (`docs/slad-hub.md`): psycopg is used here alone.

`shipping` and `states` can be imported where psycopg is not installed.
"""
