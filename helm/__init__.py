"""What is made of the chart's values: `python -m helm` writes values.schema.json and the chart's README.

The chart itself is helm/moorage; nothing here is part of it, and it needs nothing of here.
"""
