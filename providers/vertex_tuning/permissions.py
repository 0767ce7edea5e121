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
    """A custom role by its id; ``meaning`` says what it is for."""

    DEPLOYER = "vertexTuningDeployer"
    BUCKET = "vertexTuningBucket"
    PREREQUISITES = "vertexTuningPrerequisites"
    CALLER = "vertexTuningCaller"

    @property
    def meaning(self) -> str:
        """Who needs it, and on which resource."""
        return {
            Role.DEPLOYER: "to run pulumi, reconcile and doctor; on the project",
            Role.BUCKET: "also to run pulumi or push weights; on the output bucket only",
            Role.PREREQUISITES: "also to run a stack with `manage`; on the project",
            Role.CALLER: "to call a served model; on the project or the endpoint",
        }[self]


class Permission(msgspec.Struct, frozen=True):
    """One permission.

    Attributes:
        calls: Google's names of the methods that need it; none if a property needs it, see ``when``.
        when: the service's property or the command's option that needs it; empty means always.
        assumed: Google's pages do not name the call's permission; similar calls need this one.
    """

    name: str
    role: Role
    why: str
    calls: tuple[str, ...] = ()
    when: str = ""
    assumed: bool = False


class AgentRole(msgspec.Struct, frozen=True):
    """A predefined role of a service agent on a resource; ``when`` as for permissions."""

    agent: str
    role: str
    on: str
    why: str
    when: str = ""


class _Table(msgspec.Struct, frozen=True):
    permissions: tuple[Permission, ...]
    agents: tuple[AgentRole, ...]


_TABLE = msgspec.json.Decoder(_Table).decode(Path(__file__).with_suffix(".json").read_bytes())
PERMISSIONS, AGENTS = _TABLE.permissions, _TABLE.agents
_OF_STACKS = [each for each in PERMISSIONS if each.role in (Role.DEPLOYER, Role.BUCKET)]


def of_role(role: Role, permissions: Iterable[Permission] = PERMISSIONS) -> list[str]:
    """The permissions of a custom role that are always needed, sorted."""
    return sorted({each.name for each in permissions if each.role is role and not each.when})


def mend(*calls: str) -> str:
    """The permissions and roles that allow these calls, as text."""
    found = [each for each in _OF_STACKS if set(calls) & set(each.calls)]
    names = sorted({each.name for each in found})
    roles = sorted({each.role.value for each in found})
    return f"needs {', '.join(names)}, as in the custom role {' and '.join(roles)}, docs/permissions.md"


def needed(calls: Iterable[str]) -> dict[str, list[Permission]]:
    """The permissions of each of Google's methods; none for unknown methods."""
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
