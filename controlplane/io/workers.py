"""Acts on workers over REST: the link's messages for workers in any language, and an operator's orders."""

from __future__ import annotations

from controlplane.credentials import MAX_CREDENTIAL, Credential
from controlplane.io.context import Context
from controlplane.workers import check_address, may_speak_for
from moorage.errors import Code, error_for
from moorage.ids import WorkerId
from scheduler.values import Beaten, Done, Heartbeat, JoinKey, Refused, Registered, Registration, WorkerView


async def joining(context: Context, text: str) -> JoinKey:
    """The join key that was sent. Raises INVALID_JOIN_KEY."""
    found = await join_key(context, text)
    if found is None:
        raise error_for(Code.INVALID_JOIN_KEY, "a join key is needed: send Authorization: Bearer jk_…")
    return found


async def join_key(context: Context, text: str) -> JoinKey | None:
    """The join key that this is, if it is one."""
    if not (0 < len(text) <= MAX_CREDENTIAL and text.isascii()):
        return None
    return await context.store.join_key(Credential(text).digest)


async def register(context: Context, key: JoinKey, registration: Registration) -> Registered:
    """Raises INVALID_JOIN_KEY, PERMISSION_DENIED, UNPROCESSABLE, or what the store refuses."""
    if not may_speak_for(key, registration.region, registration.pool):
        detail = f"this join key is for pool {key.pool!r} in region {key.region!r}"
        raise error_for(Code.INVALID_JOIN_KEY, detail)
    try:
        check_address(registration.address, context.policy.worker_networks)
    except PermissionError as error:
        raise error_for(Code.PERMISSION_DENIED, str(error)) from error
    except ValueError as error:
        raise error_for(Code.UNPROCESSABLE, str(error)) from error
    answer = await context.store.register(registration)
    if isinstance(answer, Refused):
        raise error_for(answer.code, answer.detail, retry_after=answer.retry_after)
    return answer


async def beat(context: Context, key: JoinKey, heartbeat: Heartbeat) -> Beaten:
    """Raises WORKER_NOT_FOUND, which tells the worker to register again."""
    await spoken_for(context, key, heartbeat.worker)
    answer = await context.store.heartbeat(heartbeat)
    if isinstance(answer, Refused):
        raise error_for(answer.code, answer.detail, retry_after=answer.retry_after)
    return answer


async def spoken_for(context: Context, key: JoinKey, worker: WorkerId) -> WorkerView:
    """The worker, if this join key may speak for it."""
    view = await find(context, worker)
    if not may_speak_for(key, view.region, view.pool):
        raise error_for(Code.INVALID_JOIN_KEY, f"this join key is for pool {key.pool!r} in region {key.region!r}")
    return view


async def find(context: Context, worker: WorkerId) -> WorkerView:
    """Raises WORKER_NOT_FOUND."""
    view = await context.store.worker(worker)
    if view is None:
        raise error_for(Code.WORKER_NOT_FOUND, f"no worker {worker}")
    return view


def done(answer: Done | Refused) -> None:
    """Raises what the store refused."""
    if isinstance(answer, Refused):
        raise error_for(answer.code, answer.detail, retry_after=answer.retry_after)
