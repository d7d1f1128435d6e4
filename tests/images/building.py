"""Both images of this working copy, as `make image image-worker` builds them: once for whoever asks first."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BASE = "docker.io/library/python:3.11-slim"
TAG = "test"
IMAGE = f"moorage:{TAG}"
WORKER = f"moorage-example-worker:{TAG}"
BUILD_SECONDS = 900.0


@cache
def build() -> None:
    """Skips where buildah or the base's Python is missing. Raises RuntimeError with the end of what was complained of."""
    missing = [program for program in ("buildah", "python3.11", "make", "strip") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"images are built with {', '.join(missing)}")
    tool = os.environ.get("CLUSTER_TOOL", "")
    if not says("buildah", "images", "--filter", f"reference={BASE}", "-q") and tool:
        says(tool, "base-image", seconds=BUILD_SECONDS)
    words = ("image", "image-worker", f"TAG={TAG}", "IMAGE=moorage", "WORKER_IMAGE=moorage-example-worker")
    says("make", "-C", str(ROOT), *words, "CONTAINERS=buildah", seconds=BUILD_SECONDS)


def config(image: str) -> dict[str, Any]:
    """What the image says of itself, in Docker's words."""
    found: dict[str, Any] = _inspected(image)["Docker"]["config"]
    return found


def bytes_over_base(image: str) -> int:
    """Of its layers, unpacked, that are none of the base's."""
    shared = {layer["digest"] for layer in _layers(BASE)}
    return sum(layer["size"] for layer in _layers(image) if layer["digest"] not in shared)


def run(image: str, *command: str) -> str:
    """Its output in a container, as the image's own user."""
    container = says("buildah", "from", image)
    try:
        return says("buildah", "run", "--isolation", "chroot", container, "--", *command)
    finally:
        says("buildah", "rm", container)


def says(*command: str, seconds: float = 120.0, environment: dict[str, str] | None = None) -> str:
    """Its output. Raises RuntimeError with the end of what it complained of."""
    told = dict(os.environ) | (environment or {})
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=told, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)[:300]} failed: {done.stdout[-1000:]} {done.stderr[-2000:]}")
    return done.stdout.strip()


def _layers(image: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(_inspected(image)["Manifest"])["layers"]
    return found


def _inspected(image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(says("buildah", "inspect", "--type", "image", image))
    return found
