"""Envoy is the referee: the same mesh and the same requests, in front of the same pods.

A :class:`~hybridmesh.config.model.Mesh` is rendered as Envoy's configuration
(:mod:`hybridmesh.envoy`) and given to the real Envoy (:mod:`.envoy`) and to the gateway
(:mod:`.gateway`).  The requests come from cases that are written by hand (:mod:`.cases`, with
Envoy's recorded answers beside them) or are random (:mod:`.randommesh`).  What of the answers may
differ stands in :mod:`.differences`, and nowhere else.
"""
