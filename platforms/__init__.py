"""Boards with an open tool flow, and wrappers for existing NIC shells."""
