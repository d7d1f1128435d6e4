"""The images as users get them: small, nobody's root, without compiler or index, and quick to start on a read-only file system."""

from __future__ import annotations

import pytest

from tests.images import building
from tests.images.building import IMAGE, WORKER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
OVER_BASE_BYTES = 150_000_000


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """Once."""
    building.build()


@pytest.mark.parametrize("image", [IMAGE, WORKER])
def test_an_image_is_under_150_mb_over_its_base(image: str) -> None:
    found = building.bytes_over_base(image)

    print(f"{image}: {found / 1e6:.1f} MB over its base")  # noqa: T201 - a figure for whoever runs it with -s
    assert 0 < found < OVER_BASE_BYTES


@pytest.mark.parametrize("image", [IMAGE, WORKER])
def test_an_image_runs_moorage_as_a_user_who_is_not_root(image: str) -> None:
    assert building.config(image)["User"] == "10001:10001"
    assert building.config(image)["Entrypoint"] == ["moorage"]
    assert building.run(image, "id", "-u") == "10001"
    assert building.run(image, "moorage", "--version").startswith("moorage, version")


@pytest.mark.parametrize("image", [IMAGE, WORKER])
def test_no_compiler_and_no_installer_is_left_in_an_image(image: str) -> None:
    said = building.run(image, "sh", "-c", "for p in gcc cc clang pip pip3; do command -v $p; done; true")

    assert [place for place in said.splitlines() if "/local/" not in place] == []  # the base's own may be there


def test_the_image_has_its_compiled_relay_its_store_and_every_extra_but_the_pictures() -> None:
    modules = "gateway.io.compiled.pump, gateway.scan, uvloop, hiredis, asyncpg, aiosqlite, kubernetes.aio"

    assert building.run(IMAGE, "python3", "-c", f"import {modules}; print('all')") == "all"
    assert building.run(IMAGE, "valkey-server", "--version").startswith("Valkey server")
    with pytest.raises(RuntimeError, match="No module named 'matplotlib'"):
        building.run(IMAGE, "python3", "-c", "import matplotlib")


def test_bytecode_is_there_before_the_first_start_because_no_pod_can_write_it() -> None:
    script = "import gateway.io.listener as found, os; print(os.path.exists(found.__cached__))"

    assert building.run(IMAGE, "python3", "-c", script) == "True"


def test_the_image_says_what_it_is_and_how_it_is_asked_for_its_health() -> None:
    said = building.config(IMAGE)

    assert said["Labels"]["org.opencontainers.image.title"] == "moorage"
    assert said["Labels"]["org.opencontainers.image.version"] == building.run(IMAGE, "moorage", "--version").split()[-1]
    assert said["Healthcheck"]["Test"] == ["CMD", "moorage", "health"]


def test_the_example_worker_has_its_own_module_and_no_server() -> None:
    assert building.run(WORKER, "python3", "-c", "import echo; print(echo.echo.__name__)") == "echo"
    with pytest.raises(RuntimeError, match="No module named 'fastapi'"):
        building.run(WORKER, "python3", "-c", "import fastapi")
