"""Measured timing: targets are synthesised, placed and routed, and told in tables."""
