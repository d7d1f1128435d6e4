"""Targets in Kubernetes: anything with a /scale, its pods, and a Lease that says which autoscaler writes.

Reads and writes plain JSON through the official client, which brings credentials, TLS and connections. What a document means
is said in autoscaler's root (pods, workloads, rivals, rights, casualties, leases); here it is fetched, watched and written.
"""
