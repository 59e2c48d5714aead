"""Mutants: small faults put into the sources one at a time; the tests must notice each of them.

The hardware is written in Python, so one engine serves RTL, compiler and golden model.  It is our
own because what costs here is running the tests, not changing the source: general tools start a
new Python for each mutant, write into the checkout, and know neither the faults of hardware nor
that two mutants can be the same netlist.
"""
