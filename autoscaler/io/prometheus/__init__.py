"""Asks Prometheus, and never takes silence for an answer. What an answer means is decided in autoscaler.promql."""
