"""Other autoscalers, each from its own documentation, on the same engine. They know nothing of ours.

Each module names the pages it follows and what it leaves out. Where a product has a choice, its default is taken; where
there is none, the target is 70 % of a pod's slots.
"""
