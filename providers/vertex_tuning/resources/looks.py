"""When a provider's ``check`` has something to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.dynamic import CheckResult
from pulumi.output import Unknown


def made_anew(olds: Mapping[str, Any], found: CheckResult) -> bool:
    """Whether a resource is to be made, for the first time or anew, of inputs that are known and right."""
    return not olds and not found.failures and not any(isinstance(v, Unknown) for v in found.inputs.values())
