"""The programs: composes scheduler, gateway and control plane into `moorage up`, and talks to them over REST.

The only package that may import all others, and it decides nothing about sessions. Command modules import at their
top only what `--help` needs; what runs is imported when it runs.
"""

from __future__ import annotations


def main() -> None:
    """The console script."""
    from moorage.cli.root import moorage

    moorage(prog_name="moorage")
