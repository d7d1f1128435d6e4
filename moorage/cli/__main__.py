"""`python -m moorage.cli`: how `moorage up` starts its workers, whatever is on PATH."""

from moorage.cli import main

main()
