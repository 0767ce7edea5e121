"""Resources that do nothing: what the engine itself costs.

In a module, because the SDK pickles the providers of classes that cannot be imported by value, and
wraps its pickler once more for each: some 300 resources later Python's stack is full.
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider


class NoOp(ResourceProvider):
    """Creates nothing and finds no difference."""

    serialize_as_secret_always = False

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult("x", dict(props))

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=False)


class Nothing(Resource, module="bench", name="Nothing"):
    """A resource with any inputs."""

    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(NoOp(), name, props, opts)


class Component(pulumi.ComponentResource):
    """A parent."""

    def __init__(self, name: str) -> None:
        super().__init__("bench:index:Component", name)
