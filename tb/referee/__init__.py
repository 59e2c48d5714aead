"""llhttp as the referee of what the NIC decides: ``python -m tb.referee``.

Heads are made (:mod:`.heads`), put to the reference model and to the RTL (:mod:`.subjects`), and
what these say of them is judged (:mod:`.judge`).
"""
