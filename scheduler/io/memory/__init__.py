"""The memory store: the fleet's truth in one process. `records` and `fleet` are what it keeps, every other module is one
question asked of it, `store` is the interface. Decisions that need no state are at the package's root."""

from scheduler.io.memory.store import MemoryStore, steady_clock

__all__ = ["MemoryStore", "steady_clock"]
