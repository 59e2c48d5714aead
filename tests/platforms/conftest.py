"""Brings the helper modules of this folder within reach of the tests below it."""
