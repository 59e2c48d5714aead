"""HybridMesh: a service-mesh ingress gateway cut into NIC, tunnel and node stack."""
