"""Boards with two Ethernet ports, and the way from their description to a bitstream."""
