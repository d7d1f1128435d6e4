"""Join keys from files: what a control plane makes of files that come, change and go."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from controlplane.credentials import Credential
from controlplane.io.joinkeyfiles import JoinKeyFiles
from controlplane.io.keyfiles import JOIN
from controlplane.policy import JoinKeyFile
from scheduler.values import JoinKey
from tests.controlplane.io.conftest import Harbour, Open, eventually

ONE = "a-join-key-of-the-first-kind"
TWO = "a-join-key-of-the-second-kind"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "join"
    folder.mkdir()
    return folder / "gpu"


def entries(file: Path) -> dict[str, Any]:
    return {"join_keys": {"gpu": JoinKeyFile(file, "gpu", "eu")}, "makes_join_key": False}


async def known(harbour: Harbour, key: str) -> JoinKey | None:
    return await harbour.store.join_key(Credential(key).digest)


async def test_a_key_from_a_file_lets_workers_of_its_pool_in_and_is_kept_as_a_digest(
    open_harbour: Open, file: Path
) -> None:
    file.write_text(f"{ONE}\n")

    harbour = await open_harbour(**entries(file))

    entry = await known(harbour, ONE)
    assert entry is not None
    assert (entry.pool, entry.region) == ("gpu", "eu")
    listed = (await harbour.admin.get("/join-keys")).json()["join_keys"]
    assert [(row["name"], row["pool"], row["region"]) for row in listed] == [("gpu", "gpu", "eu")]
    assert ONE not in str(listed)


async def test_no_general_key_is_made_beside_them_unless_one_is_preset(
    open_harbour: Open, file: Path, tmp_path: Path
) -> None:
    file.write_text(ONE)

    harbour = await open_harbour(**entries(file))

    assert harbour.welcome.join_key == ""
    assert not (tmp_path / JOIN).exists()
    await harbour.plane.close()
    again = await open_harbour(**entries(file), join_key=TWO)
    assert again.welcome.join_key == TWO
    assert await known(again, TWO) is not None


async def test_a_changed_file_replaces_the_key_and_one_that_went_revokes_it(open_harbour: Open, file: Path) -> None:
    file.write_text(ONE)
    harbour = await open_harbour(**entries(file))

    file.write_text(TWO)
    await harbour.plane.join_key_files.look()
    changed = await known(harbour, ONE), await known(harbour, TWO)
    file.unlink()
    await harbour.plane.join_key_files.look()

    assert changed[0] is None
    assert changed[1] is not None
    assert await known(harbour, TWO) is None


async def test_files_are_looked_at_again_and_again(open_harbour: Open, file: Path) -> None:
    harbour = await open_harbour(**entries(file))
    looking = JoinKeyFiles(harbour.plane.context, every=0.01)
    running = asyncio.create_task(looking.run())
    file.write_text(ONE)

    found = await eventually(lambda: known(harbour, ONE))

    looking.stop()
    await running
    assert found.pool == "gpu"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "there is no such file"),
        ("", "the file is empty"),
        ("short", "its key must be 24 to 256 printable ASCII characters without spaces"),
        ("x" * 257, "its key must be 24 to 256 printable ASCII characters without spaces"),
        ("ü" * 30, "the file holds no text"),
    ],
    ids=["missing", "empty", "short", "long", "binary"],
)
async def test_a_file_without_a_key_is_one_line_of_the_log_and_no_crash(
    open_harbour: Open, file: Path, content: str | None, why: str
) -> None:
    if content is not None:
        file.write_text(content)

    with capture_logs() as logs:
        harbour = await open_harbour(**entries(file))
        await harbour.plane.join_key_files.look()

    said = [line for line in logs if line["event"] == "join_key_file_unusable"]
    assert [(line["why"], line["file"], line["entry"]) for line in said] == [
        (why, str(file), "controlplane.join_keys.gpu")
    ]
    assert harbour.registry.get_sample_value("moorage_controlplane_join_key_failures_total") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
async def test_a_file_that_cannot_be_read_leaves_the_key_in_force(open_harbour: Open, file: Path) -> None:
    file.write_text(ONE)
    harbour = await open_harbour(**entries(file))
    file.chmod(0)

    with capture_logs() as logs:
        await harbour.plane.join_key_files.look()

    assert await known(harbour, ONE) is not None
    assert [line["why"] for line in logs] == ["Permission denied"]


async def test_a_directory_in_its_place_is_no_answer_either(open_harbour: Open, file: Path) -> None:
    file.write_text(ONE)
    harbour = await open_harbour(**entries(file))
    file.unlink()
    file.mkdir()

    with capture_logs() as logs:
        await harbour.plane.join_key_files.look()

    assert await known(harbour, ONE) is not None
    assert [line["why"] for line in logs] == ["Is a directory"]


async def test_an_entry_that_left_the_settings_is_revoked_at_the_next_start(open_harbour: Open, file: Path) -> None:
    file.write_text(ONE)
    first = await open_harbour(**entries(file))
    await first.plane.close()

    second = await open_harbour(first.store, workers=0)

    assert await known(second, ONE) is None


async def test_a_control_plane_whose_file_is_older_for_a_while_overrules_nobody(open_harbour: Open, file: Path) -> None:
    """The kubelet of one node brings a Secret's change a minute before that of another."""
    other = file.with_name("late")
    for path in (file, other):
        path.write_text(ONE)
    early = await open_harbour(**entries(file))
    late = await open_harbour(early.store, workers=0, **entries(other))

    file.write_text(TWO)
    await early.plane.join_key_files.look()
    await late.plane.join_key_files.look()
    between = await known(early, ONE), await known(early, TWO)
    other.write_text(TWO)
    await late.plane.join_key_files.look()

    assert between[0] is None
    assert between[1] is not None
    assert await known(early, TWO) is not None


async def test_the_same_key_for_two_pools_is_said_once(open_harbour: Open, file: Path) -> None:
    file.write_text(ONE)
    both = {"gpu": JoinKeyFile(file, "gpu", "eu"), "cpu": JoinKeyFile(file, "cpu", "eu")}

    with capture_logs() as logs:
        harbour = await open_harbour(join_keys=both)
        await harbour.plane.join_key_files.look()

    assert [line["entry"] for line in logs if line["event"] == "join_key_twice"] == ["controlplane.join_keys.cpu"]
