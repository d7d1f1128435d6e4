"""Deployments and Jobs: one line for each reason."""

from __future__ import annotations

from moorage.cli.findings import Finding, Grade
from moorage.cli.installation.documents import Seen
from moorage.cli.installation.workloads import examine
from tests.moorage.cli.installation.builders import (
    a_deployment,
    a_look,
    a_pod,
    a_replica_set,
    a_stuck_deployment,
    an_event,
    meta,
    waiting,
)


def only(seen: Seen) -> Finding:
    [found] = examine(seen)
    return found


def failing(message: str) -> Seen:
    """A Deployment none of whose pods could be made."""
    why = [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}]
    return a_look(
        deployments=[a_deployment(ready=0)], replicasets=[a_replica_set("m-moorage-gateway", conditions=why)], pods=[]
    )


def test_all_ready_is_one_line_that_is_fine() -> None:
    found = only(a_look(deployments=[a_deployment(replicas=2, ready=2)], replicasets=[], pods=[]))

    assert (found.subject, found.grade, found.sentence) == ("gateway", Grade.OK, "2 of 2 pods ready")


def test_pods_that_share_a_reason_are_one_line_with_the_first_ones_name() -> None:
    stuck = waiting("CreateContainerConfigError", 'secret "x" not found')
    seen = a_look(
        deployments=[a_deployment(replicas=2, ready=0)],
        replicasets=[a_replica_set("m-moorage-gateway")],
        pods=[a_pod(letter=letter, **stuck) for letter in "ab"],
    )

    found = only(seen)

    assert found.grade is Grade.FAIL
    assert found.sentence == "0 of 2 pods ready: pod m-moorage-gateway-1-a and 1 more: Secret x is not there"


def test_a_reason_is_told_though_older_pods_are_ready_still() -> None:
    seen = a_look(
        deployments=[a_deployment(replicas=2, ready=2)],
        replicasets=[a_replica_set("m-moorage-gateway")],
        pods=[
            a_pod(letter="a", ready=True),
            a_pod(letter="b", ready=True),
            a_pod(letter="c", **waiting("ErrImageNeverPull")),
        ],
    )

    assert only(seen).grade is Grade.FAIL


def test_a_quota_that_refuses_pods_is_named() -> None:
    found = only(
        failing('pods "m-1" is forbidden: exceeded quota: small, requested: pods=1, used: pods=4, limited: pods=4')
    )

    assert "the quota small refuses its pods (requested: pods=1, used: pods=4, limited: pods=4)" in found.sentence
    assert "ResourceQuota" in found.advice


def test_a_refusal_of_pod_security_is_told() -> None:
    found = only(
        failing(
            'pods "m-1" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true (pod must set)'
        )
    )

    assert "Pod Security restricted:latest refuses its pods (runAsNonRoot != true" in found.sentence


def test_other_refusals_are_told_in_the_servers_words() -> None:
    account = only(
        failing('pods "m-1" is forbidden: error looking up service account prod/m: serviceaccount "m" not found')
    )
    webhook = only(failing('admission webhook "policy.example.com" denied the request: no'))
    other = only(failing("something else"))

    assert "service account is not there" in account.sentence
    assert "an admission webhook refuses its pods" in webhook.sentence
    assert other.sentence.endswith("its pods are refused: something else")


def test_a_young_deployment_is_still_starting_and_an_old_one_gives_no_reason() -> None:
    young = only(a_look(deployments=[a_deployment(ready=0, ago=10)], replicasets=[], pods=[]))
    old = only(a_look(deployments=[a_deployment(ready=0)], replicasets=[], pods=[]))

    assert (young.grade, old.grade) == (Grade.WARN, Grade.WARN)
    assert "still starting" in young.sentence


def test_a_rollout_that_stands_still_or_is_paused_fails() -> None:
    late = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    still = only(a_look(deployments=[a_deployment(ready=0, conditions=late)], replicasets=[], pods=[]))
    paused = only(a_look(deployments=[a_deployment(ready=0, paused=True)], replicasets=[], pods=[]))

    assert (still.grade, paused.grade) == (Grade.FAIL, Grade.FAIL)
    assert "kubectl rollout resume deployment m-moorage-gateway" in paused.advice


def test_a_wrong_database_is_told_from_the_control_planes_last_words() -> None:
    last = {
        "terminated": {
            "exitCode": 1,
            "message": "Error: the start failed: the database cannot be reached: [Errno 111] refused",
        }
    }
    stuck = waiting("CrashLoopBackOff", restartCount=3, lastState=last)
    seen = a_look(
        deployments=[a_deployment("controlplane", ready=0)],
        replicasets=[a_replica_set("m-moorage-controlplane")],
        pods=[a_pod("m-moorage-controlplane", **stuck)],
    )

    found = only(seen)

    assert "its database cannot be used: the database cannot be reached: [Errno 111] refused" in found.sentence
    assert "database.url" in found.advice


def test_pods_are_found_by_labels_where_replica_sets_may_not_be_read() -> None:
    labels = {"app.kubernetes.io/component": "gateway"}
    seen = a_look(
        deployments=[a_deployment(ready=0, selector={"matchLabels": labels})],
        pods=[a_pod(**waiting("ErrImageNeverPull"))],
    )

    assert "pullPolicy is Never" in only(seen).sentence


def test_a_failed_migration_is_told_with_its_last_words() -> None:
    over = {
        "name": "main",
        "state": {"terminated": {"exitCode": 1, "message": "Error: the database cannot be reached: no host"}},
    }
    job = {"metadata": meta("m-migrate", "migrate"), "status": {"conditions": [{"type": "Failed", "status": "True"}]}}
    pod = a_pod(phase="Failed", containerStatuses=[over])
    pod["metadata"] = meta("m-migrate-x", "migrate", owner="m-migrate")

    found = only(a_look(jobs=[job], pods=[pod]))

    assert (found.subject, found.grade) == ("migrate", Grade.FAIL)
    assert "its database cannot be used: the database cannot be reached: no host" in found.sentence


def test_a_stateful_set_that_gets_no_pods_is_explained_by_its_events() -> None:
    valkey = a_deployment("valkey", ready=0, serviceName="m-moorage-valkey")
    refusal = an_event(
        "m-moorage-valkey",
        "FailedCreate",
        "pods is forbidden: exceeded quota: small, requested: pods=1",
        kind="StatefulSet",
    )

    assert "the quota small" in only(a_look(statefulsets=[valkey], pods=[], events=[refusal])).sentence


def test_a_stuck_pod_uses_its_own_events() -> None:
    told = an_event("m-moorage-gateway-1-a", "FailedMount", 'secret "m-tls" not found')

    assert "Secret m-tls is not there" in only(a_stuck_deployment(waiting("ContainerCreating"), events=[told])).sentence
