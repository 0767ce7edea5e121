"""What a stack's policy and budget refuse, each at the key that says it."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support import stack_values
from vertex_tuning.stack import InvalidStack, Stack, load

OWN = "stacks/Pulumi.tests-dev.yaml: vertex-tuning:"

L4 = {"machine_type": "g2-standard-12", "accelerator_type": "NVIDIA_L4", "accelerator_count": 1}
MODEL = "meta/llama3_1@llama-3.1-8b"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "train.jsonl"
    path.write_text('{"prompt": "What is a car?", "completion": " A vehicle."}\n' * 100)
    return path


def stack(data: Path, service: Mapping[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    tuning = {"base_model": MODEL, "mode": "FULL", "training_data": str(data), "epochs": 3}
    return stack_values.stack(data, {"name": "one", "tuning": tuning, **(service or {})}, **top)


def loaded(values: Mapping[str, Any], root: Path = Path(__file__).parent) -> Stack:
    return load("tests-dev", values, {}, root=root)


def refusals(values: Mapping[str, Any]) -> list[str]:
    with pytest.raises(InvalidStack) as refused:
        loaded(values)
    return [line.strip().removeprefix(OWN) for line in str(refused.value).splitlines()[1:]]


POLICIES: list[tuple[dict[str, Any], dict[str, Any], str, str, str]] = [
    ({"regions": ["europe-west4"]}, {}, "region", "it allows europe-west4", "inherited: told at the top"),
    ({"regions": ["europe-west4"]}, {"region": "us-west1"}, "services[0].region", "us-west1", "its own"),
    (
        {"machines": ["g2-standard-4"]},
        {"serving": L4},
        "services[0].serving.machine_type",
        "g2-standard-4",
        "",
    ),
    ({"models": []}, {}, "services[0].tuning.base_model", "it allows nothing", "an empty list allows none"),
    ({"max_epochs": 2}, {}, "services[0].tuning.epochs", "3 is above the policy's maximum of 2", ""),
    (
        {"max_replicas": 1},
        {"serving": {"max_replicas": 2}},
        "services[0].serving.max_replicas",
        "2 is above",
        "",
    ),
    ({"required_labels": ["cost-centre"]}, {}, "services[0].labels", "cost-centre is missing", ""),
    ({"private_endpoints": True}, {}, "services[0].serving.private_service_connect", "no public", ""),
]
KEPT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"regions": ["us-central1"], "machines": ["g2-standard-12"], "models": [MODEL]}, {}),
    ({"max_epochs": 3, "max_replicas": 1, "required_labels": ["team", "environment"]}, {}),
    ({"machines": [], "private_endpoints": True, "max_replicas": 1}, {"serve": False}),
    ({"private_endpoints": True}, {"serving": {"private_service_connect": ["other-project"]}}),
]


@pytest.mark.parametrize(
    ("policy", "service", "where", "said", "why"), POLICIES, ids=[c[2] for c in POLICIES]
)
def test_what_a_policy_refuses(
    data: Path, policy: dict[str, Any], service: dict[str, Any], where: str, said: str, why: str
) -> None:
    [found] = refusals(stack(data, service, policy=policy))
    assert found.startswith(f"{where}: "), why
    assert said in found, why


@pytest.mark.parametrize(("policy", "service"), KEPT)
def test_what_keeps_to_a_policy(data: Path, policy: dict[str, Any], service: dict[str, Any]) -> None:
    assert loaded(stack(data, service, policy=policy)).services


def test_a_wrong_policy_is_a_mistake_as_any_other(data: Path) -> None:
    wrong = {"regions": ["us-centrl1"], "max_epoch": 3, "models": ["Llama"]}
    assert {line.split(":")[0] for line in refusals(stack(data, policy=wrong))} == {
        "policy.regions[0]",
        "policy.max_epoch",
        "policy.models[0]",
    }


def priced(tmp_path: Path, *rows: dict[str, Any], currency: str = "USD") -> str:
    path = tmp_path / "book.json"
    dated = {"currency": currency, "date": "2026-01-31", "source": "made up"}
    path.write_text(json.dumps({"rows": [{**row, **dated} for row in rows]}))
    return str(path)


TRAINING = {"what": "training, 1M tokens", "base_model": MODEL, "mode": "FULL", "price": "1000"}
NODE = {"what": "node, 1 hour", "machine_type": "g2-standard-12", "region": "us-central1", "price": "1"}
STORAGE = {"what": "storage, 1 GiB month", "region": "us-central1", "price": "0"}


def test_a_budget_names_the_services_and_what_they_cost(data: Path, tmp_path: Path) -> None:
    book = priced(tmp_path, TRAINING, NODE, STORAGE)
    values = stack(data, {"serving": {"max_replicas": 3}}, prices=book)
    second = {**values["services"][0], "name": "two", "serving": {}}
    values["services"].append(second)
    assert loaded({**values, "budget": {"monthly": 2920, "once": 100}})
    monthly, once = refusals({**values, "budget": {"monthly": 2919.99, "once": 1}})
    assert monthly == (
        "budget.monthly: 2,920.00 USD is above the budget of 2,919.99 USD: one 2,190.00 USD; two 730.00 USD"
    )
    assert once.startswith("budget.once: ")


def test_a_budget_counts_each_job_that_may_follow_a_failed_one(data: Path, tmp_path: Path) -> None:
    book = priced(tmp_path, TRAINING, NODE, STORAGE)
    values = stack(data, prices=book)
    [told] = refusals({**values, "budget": {"once": 0}})
    values["services"][0]["tuning"]["retry"] = {"attempts": 5}
    [five] = refusals({**values, "budget": {"once": 0}})
    amounts = [
        Decimal(line.split("budget.once: ")[1].split(" USD")[0].replace(",", "")) for line in (told, five)
    ]
    assert abs(amounts[1] - 5 * amounts[0]) < Decimal("0.05")
    assert amounts[0] > 0


def test_a_budget_without_prices(data: Path, tmp_path: Path) -> None:
    values = stack(data, {"serving": {"spot": True}}, prices=priced(tmp_path, STORAGE))
    [found] = refusals({**values, "budget": {"monthly": 1}})
    assert found.startswith("budget.monthly: cannot be checked without prices: one ")
    assert "spot g2-standard-12 in us-central1" in found
    assert "prices refresh" in found, "how to mend it"
    assert loaded({**values, "budget": {"monthly": 1, "unknown": "allow"}})


def test_known_parts_alone_can_be_above_a_budget(data: Path, tmp_path: Path) -> None:
    values = stack(data, prices=priced(tmp_path, NODE, STORAGE))
    values["services"].append({**values["services"][0], "name": "two", "serving": {"spot": True}})
    [found] = refusals({**values, "budget": {"monthly": 1, "unknown": "allow"}})
    assert (
        "at least 730.00 USD + unknown (spot g2-standard-12 in us-central1) is above the budget of 1.00 USD"
        in found
    )


def test_a_budget_counts_list_prices_and_names_their_dates(data: Path, tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    values = stack(data, budget={"monthly": 1, "once": 0})
    with pytest.raises(InvalidStack) as refused:
        loaded(values, root=tmp_path)
    monthly, once = str(refused.value).splitlines()[1:]
    # 730 hours at 1.1507; the last weights and 3 checkpoints of 8 billion parameters of two bytes at 0.02 a GiB month.
    assert "841.20 USD (list price of 2026-07-08 and 2026-09-20) is above the budget of 1.00 USD" in monthly
    assert "(list price of 2026-08-01) is above the budget of 0.00 USD" in once


def test_a_budget_takes_no_other_region_s_price_for_granted(data: Path, tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    values = stack(data, region="europe-west4", budget={"monthly": 5000})
    with pytest.raises(InvalidStack, match="cannot be checked without prices") as refused:
        loaded(values, root=tmp_path)
    assert "g2-standard-12 in europe-west4" in str(refused.value)
    allowed = {**values, "budget": {"monthly": 5000, "unknown": "allow"}}
    assert loaded(allowed, root=tmp_path).services
    with pytest.raises(InvalidStack, match="assumed for g2-standard-12 in europe-west4") as over:
        loaded({**allowed, "budget": {"monthly": 840, "unknown": "allow"}}, root=tmp_path)
    assert "(us-central1 list price of 2026-07-08 and 2026-09-20, assumed for" in str(over.value), (
        "counted, and named as assumed"
    )


def test_a_budget_in_another_currency_than_the_book_s(data: Path, tmp_path: Path) -> None:
    values = stack(data, prices=priced(tmp_path, NODE, currency="EUR"), budget={"monthly": 10_000})
    assert refusals(values) == ["budget.currency: is USD, and the price book is in EUR"]


def test_a_book_that_cannot_be_read(data: Path, tmp_path: Path) -> None:
    [found] = refusals(stack(data, prices=str(tmp_path / "none.json")))
    assert found.startswith("prices: ")
    assert "prices refresh" in found


def test_a_platform_team_s_policy_stands_in_the_defaults_and_the_breach_in_the_stack(
    data: Path, tmp_path: Path
) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "defaults.yaml").write_text("policy: {max_epochs: 2}\n")
    with pytest.raises(InvalidStack, match="policy's maximum of 2") as refused:
        loaded(stack(data), root=tmp_path)
    assert f"{OWN}services[0].tuning.epochs: 3 is above" in str(refused.value)


def test_the_book_at_the_root_is_found_by_itself(data: Path, tmp_path: Path) -> None:
    priced(tmp_path, NODE)
    (tmp_path / "book.json").rename(tmp_path / "prices.json")
    assert loaded(stack(data), root=tmp_path).prices.node("g2-standard-12", "us-central1", spot=False) == 1


SCORE = ["python", "score.py", "--all"]
EVALUATED = {"serving": {**L4, "evaluation": {"command": SCORE, "threshold": 0.5}}}
COMMANDS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "`python score.py --all` would run with the rights", "nobody allowed it: closed by default"),
    (
        {"defaults": [["python", "score.py"]]},
        "would run with the rights",
        "other arguments are another command",
    ),
    ({"defaults": []}, "would run with the rights", "none is allowed"),
    ({"defaults": [["python", "other.py"], SCORE]}, "", "allowed where all stacks' values are"),
    ({"environments/dev": [SCORE]}, "", "allowed for an environment"),
    ({"teams/search": [SCORE]}, "can be set in stacks/defaults.yaml", "a team cannot allow its own"),
    ({"own": [SCORE]}, "can be set in stacks/defaults.yaml", "nor can a stack"),
    ({"defaults": [], "own": [SCORE]}, "can be set in stacks/defaults.yaml", "or overrule what is allowed"),
]


@pytest.mark.parametrize(("allowed", "refused", "why"), COMMANDS, ids=[case[2] for case in COMMANDS])
def test_a_command_runs_only_where_its_owner_allowed_it(
    data: Path, tmp_path: Path, allowed: dict[str, Any], refused: str, why: str
) -> None:
    values = {**stack(data, EVALUATED), "team": "search", "environment": "dev"}
    for name, commands in allowed.items():
        policy = {"policy": {"evaluation_commands": commands}}
        if name == "own":
            values |= policy
            continue
        path = tmp_path / "stacks" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(policy))

    if not refused:
        assert loaded(values, tmp_path).services[0].spec.serving.evaluation is not None
        return
    with pytest.raises(InvalidStack) as error:
        loaded(values, tmp_path)
    assert refused in str(error.value), why


def test_a_stack_for_the_embedded_service_runs_its_commands(data: Path) -> None:
    values = {**stack(data, EVALUATED), "target": "embedded"}
    environment = {"VERTEX_TUNING_ENDPOINT": "http://127.0.0.1:1"}

    assert load("tests-dev", values, environment, root=Path(__file__).parent).services


SECURE = {"secure": "v1:Zm9v:YmFy"}
NESTED = [
    {"name": "one", "tuning": {"training_data": SECURE, "epochs": 3}, "labels": {"a": SECURE, "b": "c"}}
]
SECRETS: list[tuple[dict[str, Any] | None, list[str], str]] = [
    (
        {"services": NESTED},
        ["services[0].labels.a", "services[0].tuning.training_data"],
        "each value by its path, not the list that it is in",
    ),
    ({"project": SECURE}, ["project"], "a key of its own"),
    ({"services": [{"name": "one"}]}, ["services"], "kept elsewhere, as the operator does"),
    (None, ["services"], "no file at all"),
]


@pytest.mark.parametrize(("written", "places", "why"), SECRETS, ids=[case[2] for case in SECRETS])
def test_a_secret_value_is_refused_with_its_place(
    data: Path, tmp_path: Path, written: dict[str, Any] | None, places: list[str], why: str
) -> None:
    """The program sees the decrypted value; where it is, only the stack's file says."""
    if written is not None:
        config = {f"vertex-tuning:{key}": value for key, value in written.items()}
        (tmp_path / "stacks").mkdir()
        (tmp_path / "stacks" / "Pulumi.tests-dev.yaml").write_text(json.dumps({"config": config}))
    secrets = {place.partition("[")[0] for place in places}
    with pytest.raises(InvalidStack, match=r"has a secret value.*Secret Manager") as error:
        load("tests-dev", stack(data), {}, root=tmp_path, secrets=secrets)
    for place in places:
        assert f"{OWN}{place}: has a secret value" in str(error.value), why
    assert str(error.value).count("has a secret value") == len(places)


def test_a_mistyped_namespace_is_not_passed_over(data: Path) -> None:
    """A budget below it would hold nothing."""
    with pytest.raises(InvalidStack, match=r"vertex-tunning::? is not read; did you mean vertex-tuning:"):
        load("tests-dev", stack(data), {}, root=Path(__file__).parent, namespaces=["vertex-tunning", "gcp"])
