"""The tick: reports become records, records become durable, the book follows, and figures are prepared."""
