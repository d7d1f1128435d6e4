"""Grafana dashboards of the chart: what they show in a file each, and in `board` how that becomes Grafana's JSON."""
