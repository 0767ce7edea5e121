"""The files that are made from the code: each path and the function that returns its text."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from vertex_tuning.permissions import Role
from vertex_tuning.stack.schema import shared_schema, stack_schema

from . import changes, commands, evidence, failures, models, permissions, served_calls, stack_file
from .markdown import json_text

PAGES: dict[str, Callable[[], str]] = {
    "docs/changes.md": changes.page,
    "docs/commands.md": commands.page,
    "docs/evidence.md": evidence.page,
    "docs/failures.md": failures.page,
    "docs/models.md": models.page,
    "docs/permissions.md": permissions.page,
    "docs/served-calls.md": served_calls.page,
    "docs/stack-file.md": stack_file.page,
    **{f"docs/roles/{role.value}.yaml": partial(permissions.role_file, role) for role in Role},
    "stacks/schema.json": lambda: json_text(stack_schema()),
    "stacks/shared.schema.json": lambda: json_text(shared_schema()),
}
