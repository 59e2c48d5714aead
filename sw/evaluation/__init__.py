"""The evaluation: HybridMesh beside today's gateways, with the same routes, pods and heads."""
