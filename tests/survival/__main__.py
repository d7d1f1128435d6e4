"""`python -m tests.survival HISTORY` judges a kept history again, and tells one session's story: `… HISTORY ses_…`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.survival.checker import check, summary
from tests.survival.history import Healed, Injected, read_history

if __name__ == "__main__":
    history = read_history(Path(sys.argv[1]))
    if len(sys.argv) > 2:
        lines = [
            str(fact)
            for fact in history.facts
            if isinstance(fact, Injected | Healed) or getattr(fact, "session", "") == sys.argv[2]
        ]
    else:
        violations = check(history)
        lines = [*map(str, violations), str(summary(history, violations))]
    sys.stdout.write("\n".join(lines) + "\n")
