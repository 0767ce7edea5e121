"""Violations of a stack's policy and budget, each at its key."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..dataset import Dataset
from ..plan import Place, plan
from ..policy import Budget, Policy, over_budget, violations
from ..pricing import NO_PRICES, Book, find_book
from ..problems import Problem
from ..specs import ServiceSpec

Checked = tuple[ServiceSpec, Mapping[str, Dataset], Mapping[str, Any]]
"""A service, its data, and its values as written."""


def find_prices(written: Any, root: Path) -> tuple[Book, list[Problem]]:
    """The price book that a stack names, or the one at the project's root."""
    try:
        return find_book(written if isinstance(written, str) else None, root), []
    except ValueError as error:
        return NO_PRICES, [Problem("prices", str(error))]


def _written(key: str, service: Mapping[str, Any]) -> str:
    """The key of a value: ``region`` if the service sets neither of the two specific keys."""
    part, _, name = key.partition(".")
    own = service.get(part)
    shorthand = key in ("tuning.location", "serving.region")
    return "region" if shorthand and not (isinstance(own, Mapping) and name in own) else key


def refused(
    services: Sequence[Checked],
    policy: Policy,
    budget: Budget | None,
    prices: Book,
    *,
    inherited: Collection[str],
) -> list[Problem]:
    """Every violation; one of an ``inherited`` key is reported once, at the top."""
    place = Place("any", "any")  # it decides ids only
    plans = [plan(spec, place, datasets, prices) for spec, datasets, _ in services]
    broken = [
        Problem(
            place if place in inherited and place not in written else f"services[{index}].{place}", problem
        )
        for index, ((_, _, written), planned) in enumerate(zip(services, plans, strict=True))
        for key, problem in violations(policy, planned.resources)
        for place in [_written(key, written)]
    ]
    if budget is not None:
        estimates = {spec.name: each.estimate for (spec, _, _), each in zip(services, plans, strict=True)}
        broken += [Problem(f"budget.{key}", problem) for key, problem in over_budget(budget, estimates)]
    return list(dict.fromkeys(broken))
