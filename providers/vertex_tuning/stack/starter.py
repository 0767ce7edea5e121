"""The first stack file of a team's environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from .layers import FOLDER, NAMESPACE, merge, read_shared
from .settings import load, stack_file

MODELINE = "# yaml-language-server: $schema=schema.json\n"
EXAMPLE = """\
  # vertex-tuning:services:
  #   - name: tickets
  #     tuning:
  #       location: global
  #       base_model: meta/llama3_1@llama-3.1-8b
  #       mode: PEFT_ADAPTER
  #       training_data: data/tickets-train.jsonl
"""


class Starter(msgspec.Struct, frozen=True):
    """A new stack file, not yet written.

    Attributes:
        stack: the stack's name, ``TEAM-ENVIRONMENT``.
        path: the file's path below the project's root.
        text: its content.
        services: the stack's services, shared ones included.
    """

    stack: str
    path: str
    text: str
    services: tuple[str, ...]


def starter(
    root: Path,
    team: str,
    environment: str,
    given: Mapping[str, str],
    bucket: str | None = None,
    service: Mapping[str, Any] | None = None,
) -> Starter:
    """Make and validate a stack file, without writing it.

    Args:
        root: the project's folder.
        team: the stack's team.
        environment: such as dev or prod.
        given: ``project`` and ``region``, if given; shared files may have them instead.
        bucket: bucket for data and weights; ``PROJECT-tuning`` if neither this nor a shared
            ``output_uri`` is given.
        service: the stack's first service.

    Raises:
        InvalidStack: the stack would be invalid.
    """
    name = f"{team}-{environment}"
    shared, _ = read_shared(root / FOLDER, team, environment)
    known = merge(shared).values if shared else {}
    values: dict[str, Any] = {"team": team, "environment": environment, **given}
    project = given.get("project", known.get("project"))
    if bucket or ("output_uri" not in known and project):
        values["output_uri"] = f"gs://{bucket or f'{project}-tuning'}/models"
    if service:
        values["services"] = [dict(service)]
    # Which Vertex AI this shell points to does not matter here.
    checked = load(name, values, {}, root=root)
    services = tuple(each.spec.name for each in checked.services)
    return Starter(name, stack_file(name), _text(values, example=not services), services)


def _text(values: Mapping[str, Any], *, example: bool) -> str:
    config = {f"{NAMESPACE}:{key}": value for key, value in values.items()}
    text = yaml.dump({"config": config}, Dumper=_Indented, sort_keys=False, width=110, allow_unicode=True)
    return MODELINE + text + (EXAMPLE if example else "")


class _Indented(yaml.SafeDumper):
    """Indents lists below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)
