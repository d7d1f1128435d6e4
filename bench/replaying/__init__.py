"""The parts of `python -m bench replay`: its traces, its contestants, its faults and its table."""
