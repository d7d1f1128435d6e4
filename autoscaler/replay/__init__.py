"""Sessions of a trace against a simulated pool: the same engine under our own decision and under other autoscalers.

Pure: a run is a function of its trace, its settings, its controller and the chance it is given; the same seed gives the
same run. Knows no file, no clock, no cluster. Files: sessions (what comes), pods (what serves), engine (what happens
when), controller (how a policy takes part), ours (autoscaler.decide), peers/ (the others), reference (what nobody can
beat), faults (what goes wrong with the view), measures (what is counted).
"""
