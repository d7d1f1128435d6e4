"""The measurements: ours beside nginx, haproxy and Envoy in the same run, on the same load. `python -m bench --help` teaches."""
