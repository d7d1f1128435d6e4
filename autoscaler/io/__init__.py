"""Reads the registry, Prometheus and targets; writes replicas, and nothing that autoscaler.decide did not say."""
