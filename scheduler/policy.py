"""How a scheduler behaves: every bound and choice, with its default. One frozen value, given to a store at its start."""

from __future__ import annotations

from dataclasses import dataclass

from moorage.deadlines import GATEWAY_LOST_AFTER, RESERVATION, SUSPECT_AFTER, WORKER_LOST_AFTER


@dataclass(frozen=True, slots=True)
class SchedulerPolicy:
    """Seconds unless a name says otherwise. Every buffer of a store has its bound here."""

    soft_cap: float = 0.9  # part of a worker's slots that packing fills before it turns to the next worker
    reservation: float = RESERVATION
    suspect_after: float = SUSPECT_AFTER
    worker_lost_after: float = WORKER_LOST_AFTER
    gateway_lost_after: float = GATEWAY_LOST_AFTER
    adoption_seconds: float = (
        GATEWAY_LOST_AFTER  # after a loss of data: gateways name what they relay before anything new
    )
    mass_lapse_workers: int = 3  # in a smaller region half of the workers is no evidence against the link
    complaints: int = 3  # different sessions that could not reach a worker make it suspect
    complaint_seconds: float = 60.0  # an older complaint no longer counts
    suspicion_seconds: float = SUSPECT_AFTER  # a worker suspected by sessions stays so at least so long
    probe_seconds: float = 2.0  # a holder that did not answer a probe by then is dead
    full_retry_seconds: float = 2.0  # `retry_after` of a refusal for want of room

    queue_waiters: int = 10_000
    queue_waiters_per_workspace: int = 5_000  # one workspace cannot fill the queue for the others

    events: int = 1_000_000  # not yet acknowledged; beyond it nothing new is placed, so that none is ever dropped
    notices_per_gateway: int = 100_000  # beyond it the watch breaks and the gateway adopts anew
    directives_per_worker: int = 10_000  # beyond it the worker is told to register again with its full list
    end_records: int = 20_000  # answered to late enders; older ones are answered from the tombstone
    tombstones: int = 1_000_000  # the one that would lapse first goes first
    tombstone_seconds: float = 86_400.0  # of a session that never connected, whose last token's end is not known
    tombstone_least_seconds: float = 600.0  # of any other; its tokens end with its time to live
    forget_worker_seconds: float = 600.0  # a lost worker may come back so long
    forget_gateway_seconds: float = 3600.0

    drain_rate_per_second: float = 500.0  # sessions told to move, over all drains together
    drain_kept_seconds: float = 86_400.0  # a drain that ended and holds nothing any more can be read so long
    drains_kept: int = 1_000  # of them; the oldest go first

    scale_requests: int = 1_000  # in force at once; one more is refused
    decisions_per_pool: int = 2_000  # a day of one a minute, and changes; the oldest go first
    decision_bytes: int = 65_536  # of one record
    memory_bytes: int = 1_048_576  # of what one role keeps under one name
