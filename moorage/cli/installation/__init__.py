"""What `moorage doctor --kubernetes` says of an installation by the chart.

Every file here judges documents of the Kubernetes API, as they were read, and returns findings; none of them asks anybody or
reads a clock. `judging` is their order, `looking` alone does the asking. A secret's value never becomes part of a finding.
"""
