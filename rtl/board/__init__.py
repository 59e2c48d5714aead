"""The NIC on a board: two Ethernet ports, the core between them, control frames on one."""
