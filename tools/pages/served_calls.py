"""What the embedded Vertex AI serves, from its routes and the method lists of Google's clients."""

from __future__ import annotations

import re
from itertools import groupby
from typing import NamedTuple

from vertex_emulator.api.routing import Route
from vertex_emulator.api.served import TABLE
from vertex_emulator.api.storage.parts import NOT_SERVED
from vertex_emulator.known import Binding, bindings, plain_uri

from .markdown import made_from, table

_VERSION = re.compile(r"\.aiplatform\.(?:v1|v1beta1)\.")
_VARIABLE = re.compile(r"\{(\w+)(?:=\*+|=bucket)?\}")
_EXAMPLES = {"projects": "p", "locations": "us-central1", "operations": "1"}


class Row(NamedTuple):
    """A method under one path, and the API versions in which Google has it."""

    service: str
    method: str
    verb: str
    path: str
    versions: tuple[str, ...]
    served: bool


def unversioned(name: str) -> str:
    """A method's name as the routes have it: Vertex AI's two versions are served alike."""
    return _VERSION.sub(".aiplatform.", name)


def example(uri: str) -> str:
    """A path that fits, with ids made up."""
    parts = plain_uri(uri).removeprefix("/").split("/")
    made: list[str] = []
    for part in parts:
        # Service Usage writes `*/*` for `projects/P`: a part in the place of a collection is one.
        stands_for = _EXAMPLES.get(made[-1], "x1") if made else "x1"
        if part == "*" and made and made[-1] in {"v1", "v1beta1"}:
            stands_for = "projects"
        made.append(part.replace("**", "x1").replace("*", stands_for))
    return "/" + "/".join(made)


def served_by(binding: Binding) -> Route | None:
    """The route that answers a method under a path, if it is that method's."""
    matched = TABLE.match(binding.verb, example(binding.uri)) if binding.verb else None
    return matched[0] if matched and matched[0].google == unversioned(binding.name) else None


def rows() -> list[Row]:
    """Every method of Google's lists under each of its paths."""
    versions: dict[tuple[str, str, str], list[str]] = {}
    served: dict[tuple[str, str, str], bool] = {}
    for binding in bindings():
        version, _, path = plain_uri(binding.uri).removeprefix("/").partition("/")
        if version not in {"v1", "v1beta1"}:
            version, path = "", f"{version}/{path}".strip("/")
        key = (unversioned(binding.name), binding.verb, path)
        versions.setdefault(key, []).append(version)
        served[key] = served_by(binding) is not None
    found = []
    for key, known in versions.items():
        service, _, method = key[0].rpartition(".")
        found.append(Row(service, method, key[1], key[2], tuple(filter(None, known)), served[key]))
    return sorted(found)


def beyond() -> dict[str, list[str]]:
    """Method → paths of what no list of Google's clients has: operations, batches, our own surface.

    An operation lies below the resource that it is about, or below the location.
    """
    listed = {unversioned(binding.name) for binding in bindings()}
    found: dict[str, list[str]] = {}
    for route in TABLE.routes:
        path = f"{route.method} {_VARIABLE.sub(_shown, route.template)}"
        if route.google not in {*listed, NOT_SERVED} and path not in found.setdefault(route.google, []):
            found[route.google].append(path)
    return found


def _shown(variable: re.Match[str]) -> str:
    return {"version": "{version}", "resource": "[/resource]"}.get(variable[1], "*")


def _section(service: str, group: list[Row]) -> list[str]:
    rows = [
        (
            row.method,
            f"`{row.verb} {row.path}`" if row.verb else "gRPC only",
            ", ".join(row.versions),
            "yes" if row.served else "no",
        )
        for row in group
    ]
    return ["", f"## {service}", "", *table(["call", "path", "versions", "served"], rows)]


HEAD = f"""\
# What the embedded Vertex AI serves

{made_from("the routes of the embedded service and the method lists of Google's clients")}

Cloud Storage's list is that of its JSON API. A method that is not served answers 501 with its name and does
nothing. gRPC is not spoken: clients have to use REST. Of Cloud Storage's XML API only uploads in parts
are served."""


def page() -> str:
    """docs/served-calls.md."""
    groups = {service: list(group) for service, group in groupby(rows(), lambda row: row.service)}
    here = {service: group for service, group in groups.items() if any(row.served for row in group)}
    lines = [HEAD]
    for service, group in here.items():
        lines += _section(service, group)
    more = [(name, f"`{path}`") for name, paths in beyond().items() for path in paths]
    lines += ["", "## Beyond these lists", "", *table(["call", "path"], more)]
    lines += ["", "## Services of which nothing is served", ""]
    for service in (each for each in groups if each not in here):
        lines.append(f"- {service}: {len({row.method for row in groups[service]})} methods")
    return "\n".join(lines) + "\n"
