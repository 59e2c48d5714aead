"""The proxy without I/O: events come in as method calls, commands go out through ports."""
