"""The NIC stack: Amaranth RTL that parses, matches and marks HTTP request heads at line rate."""
