"""Why a pod is not well: every reason as a kubelet or a scheduler words it."""

from __future__ import annotations

from typing import Any

import pytest

from moorage.cli.installation.pods import trouble
from tests.moorage.cli.installation.builders import NOW, a_pod, an_event, waiting

POD = "m-moorage-gateway-1-a"
IMAGE = "ghcr.io/acme/moorage:1.2"
BACK_OFF = 'Back-off pulling image "ghcr.io/acme/moorage:1.2"'


def said(status: dict[str, Any], *events: dict[str, Any], log: str = "", ago: float = 3600) -> str:
    """What and advice, as one text; "" for none."""
    found = trouble(a_pod(ago=ago, **status), events, log, NOW)
    return f"{found.what} -> {found.advice}" if found else ""


@pytest.mark.parametrize(
    ("message", "answer", "advice"),
    [
        (
            f'{BACK_OFF}: ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "a": {IMAGE}: not found',
            "ghcr.io/acme/moorage:1.2: not found",
            "repository and tag",
        ),
        (
            "failed to authorize: failed to fetch anonymous token: 401 Unauthorized",
            "failed to authorize: failed to fetch anonymous token: 401 Unauthorized",
            "image.pullSecrets",
        ),
        (
            "dial tcp: lookup ghcr.io: no such host",
            "dial tcp: lookup ghcr.io: no such host",
            "does not reach the registry",
        ),
    ],
)
def test_an_image_that_cannot_be_pulled_is_named_with_the_registrys_words(
    message: str, answer: str, advice: str
) -> None:
    found = said(waiting("ImagePullBackOff", message))

    assert f"image ghcr.io/acme/moorage:1.2 cannot be pulled: {answer}" in found
    assert advice in found.partition("->")[2]


def test_a_back_off_that_says_nothing_takes_the_registrys_words_from_the_events() -> None:
    told = an_event(POD, "Failed", 'Failed to pull image "ghcr.io/acme/moorage:1.2": manifest unknown')

    found = said(waiting("ImagePullBackOff", 'Back-off pulling image "ghcr.io/acme/moorage:1.2"'), told)

    assert "cannot be pulled: manifest unknown" in found


def test_an_image_that_is_never_pulled_or_has_no_name_is_told_apart() -> None:
    assert "pullPolicy is Never" in said(waiting("ErrImageNeverPull"))
    assert "is no image's name" in said(waiting("InvalidImageName"))


def test_a_missing_secret_is_named() -> None:
    found = said(waiting("CreateContainerConfigError", 'secret "m-redis" not found'))

    assert found.startswith("Secret m-redis is not there -> make it")


def test_a_missing_key_of_a_secret_is_named_with_the_secret() -> None:
    found = said(waiting("CreateContainerConfigError", "couldn't find key url in Secret prod/m-redis"))

    assert found.startswith("Secret m-redis has no key url")


def test_a_secret_that_is_missing_as_a_volume_is_found_in_the_events() -> None:
    message = 'MountVolume.SetUp failed for volume "join" : secret "m-moorage-join" not found'

    found = said(waiting("ContainerCreating"), an_event(POD, "FailedMount", message))

    assert found.startswith("Secret m-moorage-join is not there")


def test_a_key_that_is_missing_in_a_volume_is_named() -> None:
    message = 'MountVolume.SetUp failed for volume "join" : references non-existent secret key: gpu'

    assert "has no key gpu" in said(waiting("ContainerCreating"), an_event(POD, "FailedMount", message))


def test_any_other_config_error_is_passed_on() -> None:
    message = "container has runAsNonRoot and image will run as root"

    assert message in said(waiting("CreateContainerConfigError", message))


def test_a_crash_loop_gives_the_last_termination_message() -> None:
    last = {"terminated": {"exitCode": 1, "message": "Error: MOORAGE_GATEWAY__PORTT is no setting: did you mean …?\n"}}

    found = said(waiting("CrashLoopBackOff", restartCount=4, lastState=last))

    assert "crashes again and again (4 times so far): MOORAGE_GATEWAY__PORTT is no setting" in found


def test_a_crash_loop_without_a_message_gives_the_last_line_of_the_log() -> None:
    last = {"terminated": {"exitCode": 3}}

    assert "Segmentation fault" in said(waiting("CrashLoopBackOff", lastState=last), log="a\nSegmentation fault\n")
    assert "exit code 3, and not a word" in said(waiting("CrashLoopBackOff", lastState=last))


def test_a_program_that_was_killed_for_memory_is_told_so() -> None:
    last = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}

    assert "limits.memory" in said(waiting("CrashLoopBackOff", lastState=last))


def test_between_two_crashes_the_end_is_told() -> None:
    over = {
        "name": "main",
        "state": {"terminated": {"exitCode": 1, "message": "Error: the start failed: no such file"}},
    }

    found = said({"phase": "Running", "containerStatuses": [over]})

    assert found.startswith("it ended with code 1: no such file")


@pytest.mark.parametrize(
    ("message", "advice"),
    [
        ("0/3 nodes are available: 3 Insufficient memory.", "requests"),
        ("0/3 nodes are available: 3 node(s) had untolerated taint {gpu: true}.", "tolerations"),
        ("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.", "nodeSelector"),
        ("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.", "claim"),
    ],
)
def test_a_pod_that_no_node_takes_gives_the_schedulers_reason(message: str, advice: str) -> None:
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}

    found = said({"phase": "Pending", "conditions": [scheduled], "containerStatuses": []})

    assert message.rstrip(".") in found
    assert advice in found


def test_an_evicted_pod_says_why() -> None:
    over = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}

    assert "it is over (Evicted): The node was low on resource" in said(over | {"containerStatuses": []})


def test_a_pod_that_runs_unready_is_explained_by_its_log() -> None:
    log = '{"event": "ws://l/link refused this worker: no such join key (INVALID_JOIN_KEY)", "level": "warning"}\n'

    assert "it runs and is not ready: no gateway knows its join key" in said({}, log=log)


def test_a_young_pod_and_one_that_goes_are_left_in_peace() -> None:
    going = a_pod()
    going["metadata"]["deletionTimestamp"] = "2026-06-01T11:59:00Z"

    assert said({}, ago=5) == ""
    assert trouble(going, [], "", NOW) is None
    assert trouble(a_pod(ready=True), [], "", NOW) is None
    assert said({"phase": "Succeeded"}) == ""
