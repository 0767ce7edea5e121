"""A kind that does not say all that others need to know of it is refused when it is imported, in one line."""

from typing import Any

import pytest

from vertex_tuning import permissions
from vertex_tuning.lifecycle import Change, Provider
from vertex_tuning.lifecycle.facts import NEEDED, Judged, Part, in_order
from vertex_tuning.resources import KINDS, PROVIDERS
from vertex_tuning.resources.deployed_model import DeployedModelProvider as Served

NOTHING = Judged(
    regions=(),
    machines=(),
    models=(),
    max_epochs=(),
    max_replicas=(),
    required_labels=(),
    private_endpoints=(),
    evaluation_commands=(),
)
FACTS = {name: getattr(Served, name) for name in NEEDED}
ROW = Change.NONE.because("a made-up row")
SAYS = {"billing_line": Served.billing_line}
SCALING = {**{name: getattr(NOTHING, name) for name in NOTHING.__struct_fields__}, "machines": ("spot",)}
CASES: list[tuple[dict[str, Any], str, str]] = [
    *(({name: ...}, f"TrialProvider lacks `{name}`: {what}", name) for name, what in NEEDED.items()),
    ({"changes": {}}, "`changes` lacks accelerator_count, accelerator_type", "an input without an effect"),
    ({"changes": {**Served.changes, "x": ROW}}, "`changes` has x", "an effect of no input"),
    ({"section": "tuning"}, "`region` is no key|`.*` is no key of a stack file", "the wrong section"),
    ({"judged": NOTHING}, "`judged.machines` is empty, and its inputs are a Machine", "machines go unjudged"),
    ({"judged": Judged(**SCALING)}, "`judged.max_replicas` is empty", "replicas go unjudged"),
    (
        {"judged": Judged(**{**SCALING, "regions": ("place",)})},
        "`judged.regions` names place, which is no input",
        "a rule judges what is not there",
    ),
    (
        {"billing_line": ..., "running_cost": ...},
        "it costs something: give it `billing_line`",
        "a silent bill",
    ),
    ({"calls": ("ModelService.Guess",)}, "no permission for ModelService.Guess", "a call without permission"),
]


@pytest.mark.parametrize(("changed", "said", "why"), CASES, ids=[case[2] for case in CASES])
def test_a_kind_that_lacks_a_fact_is_refused(changed: dict[str, Any], said: str, why: str) -> None:
    facts = {name: value for name, value in {**FACTS, **SAYS, **changed}.items() if value is not ...}
    with pytest.raises(TypeError, match=said) as refused:
        type("TrialProvider", (Provider,), facts)
    assert "\n" not in str(refused.value), why


def test_the_same_with_all_facts_is_taken() -> None:
    type("TrialProvider", (Provider,), {**FACTS, **SAYS})


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([Part("model", lambda _: None, ("job",)), Part("job", lambda _: None, ())], "model comes after job"),
        ([Part("job", lambda _: None, ())] * 2, "two parts are called job"),
    ],
)
def test_the_order_of_parts_is_checked(parts: list[Part], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        in_order(parts)


def test_a_part_says_what_comes_before_it_and_a_kind_which_inputs_a_policy_judges() -> None:
    with pytest.raises(TypeError, match="after"):
        Part("job", lambda _: None)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="machines"):
        Judged(regions=())  # type: ignore[call-arg]


def test_states_name_the_package_of_a_kind() -> None:
    assert {each.__module__ for each in PROVIDERS} == {
        f"vertex_tuning.resources.{package}"
        for package in (
            "readiness",
            "tuning_dataset",
            "tuning_job",
            "tuned_model",
            "endpoint",
            "deployed_model",
        )
    }


def test_every_permission_of_whoever_runs_pulumi_is_needed_by_a_kind_or_a_command() -> None:
    commands = {"ModelService.ListModels"}  # doctor
    made = {call for kind in KINDS.values() for call in kind.calls} | commands
    roles = (permissions.Role.DEPLOYER, permissions.Role.BUCKET)
    named = {
        permissions.short(c) for each in permissions.PERMISSIONS if each.role in roles for c in each.calls
    }
    assert named == made
