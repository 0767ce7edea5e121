"""The policy pack: every rule of ``vertex_tuning.policy`` as a CrossGuard policy, and the budget.

    pulumi preview --policy-pack policy --policy-pack-config policy/example.json

Install pulumi-policy beside the wheel with `pip install --no-deps pulumi-policy`: its own bound on
protobuf is older than the one of Google's clients, and it runs with theirs.

The values come from the pack's configuration alone: a stack's own files cannot loosen them. A policy
that is not configured allows everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError
from pydantic import ValidationError

from vertex_tuning.names import TYPES
from vertex_tuning.policy import RULES, Budget, Policy, over_budget, violations
from vertex_tuning.pricing import NO_PRICES, Book, list_prices, read_book
from vertex_tuning.problems import listed, problems_of
from vertex_tuning.resources import estimate
from vertex_tuning.specs import Spec

TEXTS: Mapping[str, Any] = {"type": "array", "items": {"type": "string"}}
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "regions": TEXTS,
    "machines": TEXTS,
    "models": TEXTS,
    "max_epochs": {"type": "integer"},
    "max_replicas": {"type": "integer"},
    "required_labels": TEXTS,
    "private_endpoints": {"type": "boolean"},
    "evaluation_commands": {"type": "array", "items": TEXTS},
}
"""What each rule's ``value`` may be."""


def plain(value: Any) -> Any:
    """Values without unknown ones, for which the analyzer's proxies raise."""
    if isinstance(value, Mapping):
        return dict(known(value))
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def known(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The pairs whose values are known already."""
    for key in values:
        try:
            yield key, plain(values[key])
        except UnknownValueError:
            continue


def parsed(model: type[Spec], config: Mapping[str, Any]) -> Any:
    """The pack's own configuration, refused with every mistake in it."""
    try:
        return model.model_validate(config)
    except ValidationError as error:
        raise ValueError("the pack's configuration:\n" + listed(problems_of(error, model))) from None


def resource_rule(key: str) -> ResourceValidationPolicy:
    """One rule, configured by ``{"value": ...}``."""

    def validate(args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        value = plain(args.get_config()).get("value")
        if value is None or not args.resource_type.startswith(TYPES):
            return
        inputs = plain(args.props)
        resource = args.resource_type.removeprefix(TYPES), inputs
        for broken in violations(parsed(Policy, {key: value}), [resource]):
            report_violation(f"service {inputs.get('service')}, {broken.key}: {broken.problem}", None)

    return ResourceValidationPolicy(
        name=key.replace("_", "-"),
        description=RULES[key].asks,
        enforcement_level=EnforcementLevel.MANDATORY,
        config_schema=PolicyConfigSchema(properties={"value": dict(SCHEMAS[key])}),
        validate=validate,
    )


def budget(args: StackValidationArgs, report_violation: ReportViolation) -> None:
    """All services together, against the pack's own ceiling and price book."""
    config = plain(args.get_config())
    book = prices(config.pop("prices", None))
    ceiling = parsed(Budget, config)
    services: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for resource in args.resources:
        if resource.resource_type.startswith(TYPES):
            inputs = plain(resource.props)
            kind = resource.resource_type.removeprefix(TYPES)
            services.setdefault(str(inputs.get("service")), []).append((kind, inputs))
    estimates = {name: estimate(book, resources) for name, resources in services.items()}
    for broken in over_budget(ceiling, estimates):
        report_violation(f"budget.{broken.key}: {broken.problem}", None)


def prices(path: Any) -> Book:
    """The list prices, under those of the book that the configuration names, relative to the pack."""
    own = read_book(Path(__file__).parent / str(path)) if path else NO_PRICES
    return own.over(list_prices())


BUDGET = StackValidationPolicy(
    name="budget",
    description="The services of a stack together cost no more than allowed.",
    enforcement_level=EnforcementLevel.MANDATORY,
    config_schema=PolicyConfigSchema(
        properties={
            "monthly": {"type": "number"},
            "once": {"type": "number"},
            "currency": {"type": "string"},
            "unknown": {"enum": ["deny", "allow"]},
            "prices": {"type": "string"},
        }
    ),
    validate=budget,
)

PolicyPack("vertex-tuning", policies=[*map(resource_rule, RULES), BUDGET])
