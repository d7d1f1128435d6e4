"""What a person is told of a start that failed."""

from __future__ import annotations

import errno
import os

import pytest

from moorage.cli.launch import first_line


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (
            errno.ENOSPC,
            "No space left on device: /data/signing.key; the volume is full: enlarge it, or free some of it",
        ),
        (
            errno.EROFS,
            "Read-only file system: /data/signing.key; it is mounted read-only: mount a writable volume there",
        ),
        (errno.EACCES, f"Permission denied: /data/signing.key; user {os.geteuid()} may not: give it to that user"),
        (errno.ENOENT, "No such file or directory: /data/signing.key"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_what_to_do(number: int, sentence: str) -> None:
    assert first_line(OSError(number, os.strerror(number), "/data/signing.key")).startswith(sentence)


def test_of_other_errors_the_first_line_is_enough() -> None:
    assert first_line(ValueError("wrong\n(Background on this error at …)")) == "wrong"
