"""Google's methods with their paths, so that calls that are not served here are refused by name.

The methods are read as text from Google's own clients, whose import would cost this process more memory than
everything else in it. Cloud Storage's JSON API has no such client: its list lies in `storage_methods.txt`.
"""

import importlib.util
import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

_CLASS = re.compile(r"^    class _Base(\w+):$", re.MULTILINE)
_BINDING = re.compile(r'"method":\s*"(\w+)",\s*"uri":\s*"([^"]+)"')
_PACKAGES = (
    "google.cloud.aiplatform_v1",
    "google.cloud.aiplatform_v1beta1",
    "google.cloud.billing_v1",
    "google.cloud.cloudquotas_v1",
    "google.cloud.service_usage_v1",
)
_MIXINS = {
    "GetLocation": "google.cloud.location.Locations",
    "ListLocations": "google.cloud.location.Locations",
    "GetIamPolicy": "google.iam.v1.IAMPolicy",
    "SetIamPolicy": "google.iam.v1.IAMPolicy",
    "TestIamPermissions": "google.iam.v1.IAMPolicy",
}
"""Methods that a client carries though they belong to another service."""
_STORAGE = Path(__file__).with_name("storage_methods.txt")


class Binding(NamedTuple):
    """A method's full name, and one HTTP method and path under which it is served.

    `uri` is in the notation of Google's services, `/v1/{name=projects/*/locations/*}:deploy`. Methods that
    have no HTTP form, such as streams in both directions, have neither verb nor path.
    """

    name: str
    verb: str
    uri: str


def google_method(method: str, path: str) -> str | None:
    """The full name of the method that Google serves there, for example
    `google.cloud.aiplatform.v1.PipelineService.CreatePipelineJob`; None when there is none."""
    for verb, pattern, name in _patterns():
        if verb == method and pattern.fullmatch(path):
            return name
    return None


@cache
def bindings() -> tuple[Binding, ...]:
    """Every method of the services of which something is served here, in the order of their names.

    Long-running operations are left out: they are served for all kinds of resources alike.
    """
    found = {binding for package in _PACKAGES for binding in _of_package(package)}
    for line in _STORAGE.read_text().splitlines():
        verb, path, name = line.split()
        found.add(Binding(name, verb, path if path.startswith("/") else f"/storage/v1/{path}"))
    return tuple(sorted(found))


def _of_package(package: str) -> list[Binding]:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return []
    root = Path(spec.origin).parent
    described = json.loads((root / "gapic_metadata.json").read_text())
    found = []
    for service, clients in described["services"].items():
        own = set(clients["clients"]["rest"]["rpcs"])
        text = _transport(root / "services", service)
        full = f"{described['protoPackage']}.{service}"
        with_paths = list(_of_transport(full, own, text))
        named = {binding.name for binding in with_paths}
        found += with_paths
        found += [Binding(f"{full}.{rpc}", "", "") for rpc in own if f"{full}.{rpc}" not in named]
    return found


def _transport(services: Path, service: str) -> str:
    """A service's REST transport. Its folder has the service's name, with underscores here or there."""
    for path in services.glob("*/transports/rest_base.py"):
        if path.parts[-3].replace("_", "") == service.lower():
            return path.read_text()
    return ""


def _of_transport(service: str, own: set[str], text: str) -> list[Binding]:
    found = []
    marks = list(_CLASS.finditer(text))
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        body = text[mark.end() : following.start() if following else len(text)]
        owner = service if mark[1] in own else _MIXINS.get(mark[1])
        if owner is not None:
            found += [
                Binding(f"{owner}.{mark[1]}", verb.upper(), uri) for verb, uri in _BINDING.findall(body)
            ]
    return found


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    return tuple((verb, _pattern(uri), name) for name, verb, uri in bindings() if verb)


def plain_uri(uri: str) -> str:
    """A path with its variables as `*` (one part) and `**` (any number of parts)."""
    plain = re.sub(r"\{[^}=]+=([^}]+)\}", r"\1", uri)
    return re.sub(r"\{[^}]+\}", "*", plain)


def _pattern(uri: str) -> re.Pattern[str]:
    # Names of Cloud Storage may hold colons, which elsewhere part a name from a verb.
    one = "[^/]+" if "/storage/v1/" in uri else "[^/:]+"
    return re.compile(re.escape(plain_uri(uri)).replace(r"\*\*", ".+").replace(r"\*", one))
