from __future__ import annotations

from autoscaler.policies import policies_of
from helm.programs import policy, policy_defaults, settings
from moorage.cli.catalogue import catalogue


def test_every_setting_may_be_said() -> None:
    document = settings()

    for each in catalogue():
        place = document
        for part in each.name:
            place = place["properties"][part]
        assert place, each.name


def test_no_reference_is_left_and_lists_may_be_said_with_commas() -> None:
    document = settings()

    assert "$ref" not in repr(document)
    trust = document["properties"]["gateway"]["properties"]["trust"]["properties"]
    assert [each["type"] for each in trust["origins"]["anyOf"]] == ["array", "string"]


def test_defaults_of_policies_have_no_field_that_the_policy_file_refuses_there() -> None:
    values = {"labels": "{}", "uses_forecast": "true"}
    said = "\n".join(f"{name} = {values.get(name, '1')}" for name in policy_defaults()["properties"])
    pool = '[[pools]]\nregion = "a"\npool = "b"\ntarget = {kind = "local", command = ["true"]}'

    assert policies_of(f"[defaults]\n{said}\n{pool}")
    assert {"removal", "rules", "schedules"} <= policy()["properties"].keys()
