"""Policy rules over the planned inputs of a service's resources.

Each rule is a pure function. A stack's configuration is checked with them before anything is declared; the
CrossGuard pack in ``policy/`` checks the same inputs from outside.
"""

from __future__ import annotations

import enum
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from .lifecycle import Provider
from .pricing import Estimate, Money
from .pricing.money import rounded
from .resources import KINDS
from .specs import Count, LabelKey, ModelId, Place, Shape, Spec, Texts

Regions = Annotated[tuple[Place, ...], Field(strict=False)]
Models = Annotated[tuple[ModelId, ...], Field(strict=False)]
LabelKeys = Annotated[tuple[LabelKey, ...], Field(strict=False)]
Commands = Annotated[tuple[Annotated[Texts, Field(min_length=1)], ...], Field(strict=False)]
Ceiling = Annotated[Decimal, Field(ge=0, strict=False, allow_inf_nan=False)]


class Policy(Spec):
    """Limits on services. Keys that are not set do not limit.

    Attributes:
        regions, machines, models: the allowed ones.
        max_epochs, max_replicas: maxima for each service.
        required_labels: labels that every service needs.
        private_endpoints: allow only endpoints with private service connect.
        evaluation_commands: the commands that ``serving.evaluation`` may run, each a list of program and
            arguments. They run with the rights of whoever runs ``up``, so a stack for Google Cloud allows
            none unless ``stacks/defaults.yaml`` or an environment's file lists it.
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
    """How a budget treats unknown prices."""

    DENY = "deny"
    ALLOW = "allow"


class Budget(Spec):
    """Limits on a stack's cost, in the price book's currency.

    Attributes:
        monthly: machines at ``max_replicas`` all month and stored weights, of all services.
        once: all declared tunings with their retries, paid already or not.
        currency: the currency of both amounts, such as ``USD``; it must be the price book's.
        unknown: ``deny`` refuses unknown and assumed prices; ``allow`` counts known prices, and other
            regions at the us-central1 list price.
    """

    monthly: Ceiling | None = None
    once: Ceiling | None = None
    currency: Annotated[str, Shape(r"^[A-Z]{3}$", "three capital letters, such as USD")] = "USD"
    unknown: Annotated[UnknownPrice, Field(strict=False)] = UnknownPrice.DENY


class Violation(NamedTuple):
    """A violation: the service's key, and why."""

    key: str
    problem: str


Inputs = Mapping[str, Any]


class Rule(NamedTuple):
    """What a key of a policy asks for, and why a value breaks it."""

    asks: str
    problems: Callable[[Any, Any], Iterator[str]]


def _among(allowed: Sequence[str] | None, value: Any) -> Iterator[str]:
    if allowed is not None and value is not None and value not in allowed:
        yield f"{value} is not allowed by the policy; it allows {', '.join(allowed) or 'nothing'}"


def _at_most(most: int | None, value: Any) -> Iterator[str]:
    if most is not None and value is not None and value > most:
        yield f"{value:g} is above the policy's maximum of {most}"


def _labels(required: Sequence[str], value: Any) -> Iterator[str]:
    for key in required:
        if not (value or {}).get(key):
            yield f"{key} is missing; policy.required_labels requires it"


def _private(wanted: bool, value: Any) -> Iterator[str]:  # noqa: FBT001 - a policy's value
    if wanted and value is None:
        yield "is missing; policy.private_endpoints allows no public endpoint"


def _commands(allowed: Sequence[Sequence[str]] | None, value: Any) -> Iterator[str]:
    if allowed is not None and value is not None and tuple(value) not in allowed:
        yield (
            f"`{shlex.join(value)}` would run with the rights of whoever runs up, and the policy does not "
            "allow it; whoever owns stacks/defaults.yaml can list it there under policy.evaluation_commands"
        )


RULES: Mapping[str, Rule] = {
    "regions": Rule("Regions are allowed; a tuning at ``global`` needs ``global`` among them.", _among),
    "machines": Rule("Machines are allowed.", _among),
    "models": Rule("Base models are allowed.", _among),
    "max_epochs": Rule("Epochs are within the maximum.", _at_most),
    "max_replicas": Rule("Replicas are within the maximum.", _at_most),
    "required_labels": Rule("Required labels are set.", _labels),
    "private_endpoints": Rule("Endpoints use private service connect.", _private),
    "evaluation_commands": Rule("Evaluation commands are allowed.", _commands),
}
"""Each key of a policy and its rule. Each kind of resource says which of its inputs a rule judges."""


def violations(policy: Policy, resources: Iterable[tuple[str, Inputs]]) -> list[Violation]:
    """What the planned inputs of a service's resources break, each with its kind; each thing once."""
    found = (
        violation
        for name, inputs in resources
        if (kind := KINDS.get(name)) is not None
        for rule in RULES
        for violation in _broken(policy, rule, kind, inputs)
    )
    return list(dict.fromkeys(found))


def _broken(policy: Policy, rule: str, kind: type[Provider[Any]], inputs: Inputs) -> Iterator[Violation]:
    for path in getattr(kind.judged, rule):
        name, _, inner = path.partition(".")
        value = inputs.get(name)
        value = value.get(inner) if inner and value is not None else value
        # What is derived is written where the first of them is.
        first = getattr(kind.judged, rule)[0].partition(".")[0]
        key = f"{kind.key_of(first) or first}.{inner}".removesuffix(".")
        for problem in RULES[rule].problems(getattr(policy, rule), value):
            yield Violation(key, problem)


def over_budget(budget: Budget, estimates: Mapping[str, Estimate]) -> list[Violation]:
    """The budget limits that a stack exceeds: one line each, with the services' shares."""
    others = sorted({each.currency for each in estimates.values()} - {budget.currency})
    if others:
        return [Violation("currency", f"is {budget.currency}, and the price book is in {', '.join(others)}")]
    monthly = {name: each.monthly[1] for name, each in estimates.items()}
    once = {name: each.once + each.again for name, each in estimates.items()}
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
        about = f"{whole.told(budget.currency)} is above the budget of {rounded(most)} {budget.currency}"
        return [Violation(key, f"{about}: {told}")]
    if whole.uncertain and budget.unknown is UnknownPrice.DENY:
        mend = "run `vertex-tuning prices refresh`, set your own prices, or set budget.unknown: allow"
        guessed = f"; no price is known for {', '.join(whole.assumed)}" if whole.assumed else ""
        return [Violation(key, f"cannot be checked without prices: {told}{guessed}; {mend}")]
    return []
