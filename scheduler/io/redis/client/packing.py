"""Commands as bytes, by hiredis in C; its own stub calls the command a tuple of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import hiredis

Part = bytes | str | int | float
"""What a command is made of. A bool or None is a TypeError: Redis has neither."""

pack = cast(Callable[[tuple[Part, ...]], bytes], hiredis.pack_command)
