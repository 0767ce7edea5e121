"""What a platform team allows: rules over the planned inputs of a service's resources.

Each rule is one pure function here. A stack's own configuration is checked with them before anything is
declared; the CrossGuard pack in ``policy/`` checks the same inputs from outside, whatever the stack says.
"""

from __future__ import annotations

import enum
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from .pricing import Estimate, Money
from .pricing.money import rounded
from .specs import Count, LabelKey, ModelId, Place, Shape, Spec, Texts

Regions = Annotated[tuple[Place, ...], Field(strict=False)]
Models = Annotated[tuple[ModelId, ...], Field(strict=False)]
LabelKeys = Annotated[tuple[LabelKey, ...], Field(strict=False)]
Commands = Annotated[tuple[Annotated[Texts, Field(min_length=1)], ...], Field(strict=False)]
Ceiling = Annotated[Decimal, Field(ge=0, strict=False, allow_inf_nan=False)]


class Policy(Spec):
    """What services may be. What is left out is not limited.

    Attributes:
        regions, machines, models: the only ones that may be used.
        max_epochs, max_replicas: the most that a service may ask for.
        required_labels: keys that every service has to carry.
        private_endpoints: only endpoints behind private service connect.
        evaluation_commands: the only commands that ``serving.evaluation`` may run, each as a list of program
            and arguments. They run with the rights of whoever runs ``up``, so a stack for Google Cloud
            allows none unless ``stacks/defaults.yaml`` or an environment's file lists it.
    """

    regions: Regions | None = None
    machines: Texts | None = None
    models: Models | None = None
    max_epochs: Count | None = None
    max_replicas: Count | None = None
    required_labels: LabelKeys = ()
    private_endpoints: bool = False
    evaluation_commands: Commands | None = None


class UnknownPrice(enum.StrEnum):
    """What a budget does about parts whose price is unknown."""

    DENY = "deny"
    ALLOW = "allow"


class Budget(Spec):
    """The most that a stack may cost, in the price book's currency.

    Attributes:
        monthly: machines at ``max_replicas`` all month and stored weights, of all services.
        once: all tunings that the stack declares, each as often as ``tuning.retry`` allows, whether or not
            they have been paid already.
        currency: of the two amounts, such as ``USD``; the price book's.
        unknown: ``deny`` refuses what has no price of its own; ``allow`` counts what has one, and machines
            and storage of other regions at their us-central1 list price.
    """

    monthly: Ceiling | None = None
    once: Ceiling | None = None
    currency: Annotated[str, Shape(r"^[A-Z]{3}$", "three capital letters, such as USD")] = "USD"
    unknown: Annotated[UnknownPrice, Field(strict=False)] = UnknownPrice.DENY


class Violation(NamedTuple):
    """What is not allowed: the key of the service that says it, and why."""

    key: str
    problem: str


Inputs = Mapping[str, Any]
Rule = Callable[[Policy, str, Inputs], Iterator[Violation]]


_REGION_KEYS = {
    "TuningJob": "tuning.location",
    "Endpoint": "serving.region",
    "DeployedModel": "serving.region",
}


def region(policy: Policy, kind: str, inputs: Inputs) -> Iterator[Violation]:
    """Everything is in an allowed region; a tuning at ``global`` needs ``global`` among them."""
    for name in ("region", "fallback_region"):
        yield from _among(policy.regions, _REGION_KEYS.get(kind, "region"), inputs.get(name))


def machine(policy: Policy, kind: str, inputs: Inputs) -> Iterator[Violation]:
    """Models are served on allowed machines."""
    if kind == "DeployedModel":
        yield from _among(policy.machines, "serving.machine_type", inputs.get("machine_type"))


def model(policy: Policy, kind: str, inputs: Inputs) -> Iterator[Violation]:
    """Allowed base models are tuned."""
    if kind == "TuningJob":
        yield from _among(policy.models, "tuning.base_model", inputs.get("base_model"))


def epochs(policy: Policy, kind: str, inputs: Inputs) -> Iterator[Violation]:
    """No more epochs than allowed."""
    if kind == "TuningJob":
        yield from _at_most(policy.max_epochs, "tuning.epochs", inputs.get("epochs"))


def replicas(policy: Policy, kind: str, inputs: Inputs) -> Iterator[Violation]:
    """No more replicas than allowed."""
    if kind == "DeployedModel":
        yield from _at_most(policy.max_replicas, "serving.max_replicas", inputs.get("max_replicas", 1))


def labels(policy: Policy, kind: str, inputs: Inputs) -> Iterator[Violation]:
    """What is labelled carries the required keys."""
    if kind not in ("TuningJob", "Endpoint"):
        return
    carried = inputs.get("labels") or {}
    for key in policy.required_labels:
        if not carried.get(key):
            yield Violation("labels", f"{key} is missing; policy.required_labels asks for it")


def private(policy: Policy, kind: str, inputs: Inputs) -> Iterator[Violation]:
    """Endpoints are reached through private service connect."""
    if kind == "Endpoint" and policy.private_endpoints and inputs.get("private_service_connect") is None:
        yield Violation(
            "serving.private_service_connect",
            "is missing; policy.private_endpoints allows no public endpoint",
        )


def evaluation_commands(policy: Policy, kind: str, inputs: Inputs) -> Iterator[Violation]:
    """Evaluations run allowed commands."""
    command = (inputs.get("evaluation") or {}).get("command") if kind == "DeployedModel" else None
    if command is None or policy.evaluation_commands is None:
        return
    if tuple(command) not in policy.evaluation_commands:
        yield Violation(
            "serving.evaluation.command",
            f"`{shlex.join(command)}` would run with the rights of whoever runs up, and the policy does not "
            "allow it; whoever owns stacks/defaults.yaml can list it there under policy.evaluation_commands",
        )


RULES: Mapping[str, Rule] = {
    "regions": region,
    "machines": machine,
    "models": model,
    "max_epochs": epochs,
    "max_replicas": replicas,
    "required_labels": labels,
    "private_endpoints": private,
    "evaluation_commands": evaluation_commands,
}
"""Each key of a policy and the rule that it sets."""


def violations(policy: Policy, resources: Mapping[str, Inputs | None]) -> list[Violation]:
    """What a service's planned inputs, by kind, break; each thing once."""
    found = [
        violation
        for kind, inputs in resources.items()
        if inputs is not None
        for rule in RULES.values()
        for violation in rule(policy, kind, inputs)
    ]
    return list(dict.fromkeys(found))


def _among(allowed: Sequence[str] | None, key: str, value: Any) -> Iterator[Violation]:
    if allowed is not None and value is not None and value not in allowed:
        names = ", ".join(allowed) or "nothing"
        yield Violation(key, f"{value} is not allowed by the policy; it allows {names}")


def _at_most(most: int | None, key: str, value: Any) -> Iterator[Violation]:
    if most is not None and value is not None and value > most:
        yield Violation(key, f"{value:g} is above the {most} that the policy allows")


def over_budget(budget: Budget, estimates: Mapping[str, Estimate]) -> list[Violation]:
    """What a stack's services exceed together: one line for each ceiling, with the services' shares."""
    others = sorted({each.currency for each in estimates.values()} - {budget.currency})
    if others:
        return [Violation("currency", f"is {budget.currency}, and the price book is in {', '.join(others)}")]
    monthly = {name: each.monthly[1] for name, each in estimates.items()}
    once = {name: each.once for name, each in estimates.items()}
    return [
        *_above(budget, "monthly", budget.monthly, monthly),
        *_above(budget, "once", budget.once, once),
    ]


def _above(budget: Budget, key: str, most: Decimal | None, shares: Mapping[str, Money]) -> list[Violation]:
    if most is None:
        return []
    whole = sum(shares.values(), Money())
    told = "; ".join(
        f"{name} {money.told(budget.currency, dated=False)}"
        for name, money in sorted(shares.items(), key=lambda share: -share[1].known)
        if money != Money()
    )
    if whole.known > most:
        about = (
            f"{whole.told(budget.currency)} is above the {rounded(most)} {budget.currency} that are allowed"
        )
        return [Violation(key, f"{about}: {told}")]
    if whole.uncertain and budget.unknown is UnknownPrice.DENY:
        mend = "run `vertex-tuning prices refresh`, write the rows by hand, or set budget.unknown: allow"
        guessed = f"; no price is known of {', '.join(whole.assumed)}" if whole.assumed else ""
        return [Violation(key, f"cannot be held without prices: {told}{guessed}; {mend}")]
    return []
