"""Formal proofs: what no test can show, because it is true of every input.

Each proof states a property of a block for all inputs that its environment allows, and names faults
of the block for which it must fail: a proof that no fault breaks proves nothing.
"""
