"""An image with this working copy's worker, for the real node of a cluster that we started: no registry, no index.

The packages that `moorage worker` needs are copied from the environment the tests run in, on top of python:3.11-slim as
`cluster base-image` makes it.
"""

from __future__ import annotations

import shutil
import subprocess
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.autoscaler.io.kubernetes.places import Place

NAME = "docker.io/library/moorage-worker:test"
BASE = "docker.io/library/python:3.11-slim"
PYTHON = (3, 11)  # of the base
ROOT = Path(__file__).parents[4]
CONTAINERFILE = f"""FROM {BASE}
COPY site /site
ENV PYTHONPATH=/site PYTHONDONTWRITEBYTECODE=1
CMD ["python3", "-m", "moorage.cli", "worker", "moorage.examples.echo:echo", "--slots", "4", "--drain-seconds", "1"]
"""


def load(place: Place, folder: Path) -> str:
    """Builds it and makes the node know it; its name. Takes half a minute, and more where the base is not there yet."""
    site = folder / "site"
    site.mkdir()
    for found in _needed("moorage", {}).values():
        _copy(found, site)
    for package in ("moorage", "scheduler", "gateway"):
        shutil.copytree(ROOT / package, site / package, ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.c"))
    (folder / "Containerfile").write_text(CONTAINERFILE)
    if not _says("buildah", "images", "-q", BASE):
        _says(place.tool, "base-image", seconds=600)
    _says("buildah", "bud", "--isolation", "chroot", "-q", "-t", NAME, "-f", str(folder / "Containerfile"), str(folder))
    archive = folder / "image.tar"
    _says("buildah", "push", "-q", NAME, f"docker-archive:{archive}:{NAME}")
    _says(place.tool, "load", str(archive), place=place)
    return NAME


def _needed(name: str, found: dict[str, Distribution]) -> dict[str, Distribution]:
    """Distributions behind a plain `pip install NAME`, itself left out."""
    for said in distribution(name).requires or ():
        wanted = Requirement(said)
        if wanted.name in found or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
            continue
        found[wanted.name] = distribution(wanted.name)
        _needed(wanted.name, found)
    return found


def _copy(found: Distribution, site: Path) -> None:
    for file in found.files or ():
        source = Path(str(found.locate_file(file)))
        if ".." in file.parts or not source.is_file() or source.suffix == ".pyc":
            continue
        target = site / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _says(*command: str, place: Place | None = None, seconds: float = 180.0) -> str:
    """Its output. Raises RuntimeError with the end of what it complained of."""
    environment = place.environment if place is not None else None
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=environment, check=False)
    if done.returncode and command[1] != "images":
        raise RuntimeError(f"{' '.join(command)[:200]} failed: {done.stderr[-500:]}")
    return done.stdout.strip()
