"""Functional coverage of the RTL, and what Verilator counts of its lines and toggles:
``python -m tb.coverage``.

What is to be covered is data (:mod:`.model`): groups of bins, derived from the contract where it
says what there is.  What the RTL does is seen in the RTL itself, by registers beside it that keep
what has ever been (:mod:`.hardware`); the rest is sampled from the frames that it has taken and
given (:mod:`.sampling`).  The traffic (:mod:`.tours`) is that of the benches and of the referee,
and what these leave open; whatever comes out is compared with the golden model, or it counts for
nothing.
"""
