"""Calls that the embedded service has served, by kind."""

import re
from typing import Any

_KINDS = (
    (r"\.claims(%2F|/)(\w+)(%2F|/).*", r".claims/\2"),
    (r"vt-[\w-]+", "vt-"),
    (r"projects/[\w-]+", "P"),
    (r"/b/[\w-]+", "/b/B"),
    (r"\d{6,}", "N"),
)


def kind_of(call: dict[str, Any]) -> str:
    """A call's method and path, without what differs between projects, services and runs."""
    kind = f"{call['method']} {call['path'].partition('?')[0]}"
    for pattern, plain in _KINDS:
        kind = re.sub(pattern, plain, kind)
    return kind
