"""Enough free slots, never a cut session, explained: observe -> decide -> act, for each pool on its own.

Files at this root decide: `decide(policy, observation, memory, now)` says what a pool should be and why. They never wait,
read a clock, log or know Kubernetes or Prometheus. What does is in autoscaler.io.
"""
