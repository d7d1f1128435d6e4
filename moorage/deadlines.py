"""Every deadline that two programs must agree on, in seconds, in the order that makes them work together.

>>> HEARTBEAT_EVERY < SUSPECT_AFTER < WORKER_LOST_AFTER < RESERVATION < GATEWAY_LOST_AFTER < RESUME
True
>>> DIAL_CANDIDATES * DIAL < RESERVATION
True
>>> LINK_MOVE < SUSPECT_AFTER
True
"""

HEARTBEAT_EVERY = 1.0
LINK_MOVE = 2.0  # a worker whose link broke is linked to another gateway by then
SUSPECT_AFTER = 3.0  # no heartbeat for so long: no new sessions
WORKER_LOST_AFTER = 5.0  # no heartbeat for so long: its sessions are suspended
DIAL = 3.0  # one worker's TCP connect and its 101
DIAL_CANDIDATES = 3
RESERVATION = 10.0  # a claim that was not confirmed frees its slot
GATEWAY_LOST_AFTER = 15.0
RESUME = 30.0  # default of `resume_seconds`: how long a suspended session keeps its slot
