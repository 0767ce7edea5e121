"""The state of a stack, as the backend has it. Reading it takes no lock."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from .. import names
from ..decoding import REFUSED
from ..engine import Engine, EngineFailed, stacks_here
from ..specs import EndpointName
from . import ui

Stack = Annotated[
    str,
    typer.Option(
        "--stack",
        "-s",
        help="Read the endpoint of SERVICE from this stack.",
        autocompletion=stacks_here,
        show_default=False,
    ),
]
Endpoint = Annotated[
    str,
    typer.Argument(
        help="Full name as `up` prints it: projects/PROJECT/locations/REGION/endpoints/ID. With --stack: "
        "the name of a service.",
        show_default=False,
    ),
]


class Resource(msgspec.Struct, frozen=True, omit_defaults=True):
    """One resource, as far as the commands read it; ``delete`` marks one that a replacement left."""

    type: str
    urn: str = ""
    id: str = ""
    parent: str = ""
    delete: bool = False
    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None

    @property
    def kind(self) -> str:
        """The kind, if the resource is one of this plugin's; otherwise the whole type."""
        return self.type.removeprefix(names.TYPES)

    @property
    def service(self) -> str:
        """The service's name; empty for resources of others."""
        values = self.outputs or self.inputs or {}
        return str(values.get("service") or "") if self.type.startswith(names.TYPES) else ""


class Pending(msgspec.Struct, frozen=True):
    """An operation that a running or killed command of the engine had begun."""

    resource: Resource
    type: str = ""


class Deployment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stack's state; a stack without resources has none of the keys."""

    resources: tuple[Resource, ...] | None = None
    pending_operations: tuple[Pending, ...] | None = None


class Export(msgspec.Struct, frozen=True):
    """What ``pulumi stack export`` prints."""

    deployment: Deployment | None


_EXPORT = msgspec.json.Decoder(Export)


def read_export(path: Path) -> Mapping[str, Any]:
    """A state as ``pulumi stack export`` prints it; ``-`` is the standard input.

    Raises:
        typer.BadParameter: the file is missing or holds something else.
    """
    try:
        text = ui.standard_input() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(ui.why(error), param_hint="EXPORTS") from error
    try:
        return msgspec.to_builtins(_EXPORT.decode(text))  # type: ignore[no-any-return]
    except REFUSED as error:
        told = f"{path} is not what `pulumi stack export` prints: {error}"
        raise typer.BadParameter(told, param_hint="EXPORTS") from error


def of_stack(stack: str) -> Deployment:
    """A stack's state as the backend has it now.

    Raises:
        typer.Exit: there is no such stack, or the backend does not answer.
    """
    try:
        printed = Engine().read(stack, "stack", "export")
    except EngineFailed as error:
        ui.fail(f"{stack}: {error}")
    return _EXPORT.decode(printed).deployment or Deployment()


def endpoint_name(given: str, stack: str) -> str:
    """The full name of an endpoint: the given one, or that of a service of a stack.

    Raises:
        typer.BadParameter: ``given`` is neither.
        typer.Exit: the stack has no such service, or the service has no endpoint yet.
    """
    if not stack:
        if "/" not in given:
            raise typer.BadParameter(
                f"{given!r} is not an endpoint's full name; for a service add --stack STACK",
                param_hint="ENDPOINT",
            )
        return ui.as_written(EndpointName, given, "ENDPOINT")
    there = [each for each in of_stack(stack).resources or () if each.service and not each.delete]
    if given not in {each.service for each in there}:
        known = ", ".join(sorted({each.service for each in there})) or "none"
        ui.fail(f"{stack} has no service {given}. Its services: {known}")
    serving = (each for each in there if each.service == given and each.kind == "DeployedModel")
    name = next((str((each.outputs or {}).get("endpoint") or "") for each in serving), "")
    return name or ui.fail(f"{stack}: {given} serves nothing; `vertex-tuning status {stack}` shows its phase")
