"""When a provider's ``check`` has something to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.dynamic import CheckResult
from pulumi.output import Unknown


def made_anew(olds: Mapping[str, Any], found: CheckResult) -> bool:
    """Whether a resource is to be made, for the first time or anew, of inputs that are known and right."""
    return not olds and not found.failures and known(found.inputs)


def known(inputs: Mapping[str, Any]) -> bool:
    """Whether none of them is an output that only an `up` finds out."""
    return not any(isinstance(value, Unknown) for value in inputs.values())
