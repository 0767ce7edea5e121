"""The permissions that each role needs, and why, with the calls that need them: ``permissions.json``.

``docs/permissions.md`` and the roles in ``docs/roles`` are made from it. A test drives whole stacks
against the embedded Vertex AI and holds the calls that were made against the calls that are named here.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from pathlib import Path

import msgspec


class Role(enum.StrEnum):
    """A custom role, by its id; what it is for is ``meaning``."""

    DEPLOYER = "vertexTuningDeployer"
    BUCKET = "vertexTuningBucket"
    PREREQUISITES = "vertexTuningPrerequisites"
    CALLER = "vertexTuningCaller"

    @property
    def meaning(self) -> str:
        """Who gets it, and on what."""
        return {
            Role.DEPLOYER: "whoever runs pulumi, reconcile and doctor; on the project",
            Role.BUCKET: "whoever runs pulumi or pushes weights, in addition; on the output bucket alone",
            Role.PREREQUISITES: "whoever runs a stack with `manage`, in addition; on the project",
            Role.CALLER: "whoever asks a served model; on the project or on the endpoint",
        }[self]


class Permission(msgspec.Struct, frozen=True):
    """One permission.

    Attributes:
        calls: Google's names of the methods that need it; none where a property needs it, see ``when``.
        when: the property of a service, or the option of a command, that makes it necessary; empty means
            always.
        assumed: Google's pages do not say which permission the call needs; this is the one that its
            sister calls need.
    """

    name: str
    role: Role
    why: str
    calls: tuple[str, ...] = ()
    when: str = ""
    assumed: bool = False


class AgentRole(msgspec.Struct, frozen=True):
    """A predefined role of an agent of Google's, on a resource; ``when`` as for permissions."""

    agent: str
    role: str
    on: str
    why: str
    when: str = ""


class _Table(msgspec.Struct, frozen=True):
    permissions: tuple[Permission, ...]
    agents: tuple[AgentRole, ...]
    dispensable: dict[str, str]


_TABLE = msgspec.json.decode(Path(__file__).with_suffix(".json").read_bytes(), type=_Table)
PERMISSIONS, AGENTS = _TABLE.permissions, _TABLE.agents
_OF_STACKS = [each for each in PERMISSIONS if each.role in (Role.DEPLOYER, Role.BUCKET)]
DISPENSABLE = _TABLE.dispensable
"""Calls that are made and may be refused, with the reason: nobody needs a permission for them."""


def of_role(role: Role, permissions: Iterable[Permission] = PERMISSIONS) -> list[str]:
    """The names that a custom role lists: what is needed always, each once, sorted."""
    return sorted({each.name for each in permissions if each.role is role and not each.when})


def mend(*calls: str) -> str:
    """What lets whoever runs pulumi make these calls, in a few words."""
    found = [each for each in _OF_STACKS if set(calls) & set(each.calls)]
    names = sorted({each.name for each in found})
    roles = sorted({each.role.value for each in found})
    return f"needs {', '.join(names)}, as in the custom role {' and '.join(roles)}, docs/permissions.md"


def needed(calls: Iterable[str]) -> dict[str, list[Permission]]:
    """For each of Google's methods the permissions that it needs; none for one that is not named here."""
    return {call: [each for each in PERMISSIONS if call in each.calls] for call in calls}


def unnamed(calls: Iterable[str]) -> list[str]:
    """Those of the calls, by service and method, that no permission of whoever runs pulumi names."""
    return sorted({*calls} - {short(call) for each in _OF_STACKS for call in each.calls})


def short(call: str) -> str:
    """A call by service and method."""
    return call if call.startswith("storage.") else ".".join(call.rsplit(".", 2)[1:])


def methods(service: str, names: str) -> tuple[str, ...]:
    """Calls of one service: ``methods("ModelService", "GetModel DeleteModel")``."""
    return tuple(f"{service}.{name}" for name in names.split())
