"""Istio's own messages, as their YAML has them; the rest of the package makes a model of them."""
