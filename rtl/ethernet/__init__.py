"""Ethernet MAC: frames between a PHY and packet streams."""
