"""Validate a stack's configuration as a whole and report all problems together."""

from __future__ import annotations

import difflib
import enum
import os
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pulumi
from pydantic import Field, ValidationError

from .. import plain
from ..arguments import parse, read_datasets, unfit_prompts
from ..dataset import Dataset
from ..policy import Budget, Policy
from ..pricing import Book
from ..problems import Problem, listed, problems_of
from ..specs import FormerStack, GcsUri, Labels, ProjectId, Region, ServiceSpec, Shape, Spec, is_local
from ..vertex.connection import ENDPOINT
from .layers import FOLDER, NAMESPACE, SLUG, Layer, Merged, merge, read_shared
from .limits import find_prices, refused
from .quotes import as_written
from .secret_values import secret_problems

Slug = Annotated[
    str,
    Shape(SLUG, "at most 63 lower-case letters, digits, hyphens and underscores, a letter first"),
]


class Prerequisites(enum.StrEnum):
    """Who creates APIs, bucket, roles and quota requests."""

    MANAGE = "manage"
    VERIFY = "verify"


class Target(enum.StrEnum):
    """The Vertex AI that a stack uses."""

    GOOGLE = "google"
    EMBEDDED = "embedded"


class TuningQuota(Spec):
    """Request more concurrent tuning jobs from Google.

    Attributes:
        jobs: concurrent tuning jobs of the project.
        contact_email: contact for Google's questions about the request.
        quota_id: Cloud Quotas' id for the quota whose display name is ``catalog.TUNING_QUOTA``; Google
            does not document it, and ``gcloud beta quotas info list`` shows it for a project.
    """

    jobs: Annotated[int, Field(ge=1)]
    quota_id: Annotated[str, Field(min_length=1)]
    contact_email: Annotated[str, Shape(r"^[^@\s]+@[^@\s]+$", "an e-mail address")]


class Settings(Spec):
    """The keys of a stack file, below ``vertex-tuning:``, with what its shared files add.

    Attributes:
        team: team that owns the stack; a label on everything.
        environment: environment, such as dev or prod; a label on everything.
        project, region, output_uri, labels, wait, protect, stack_renamed_from: defaults for every service.
        prerequisites: ``verify`` only checks, ``manage`` creates what is missing.
        target: ``embedded`` runs against the embedded Vertex AI only.
        prices: the price book, a file relative to the repository; ``prices.json`` if it exists.
        budget: limits on the cost of all services together.
        policy: limits on services.
        tuning_quota: with ``manage``, a request for more concurrent tuning jobs.
        services: the models to tune and serve.
    """

    team: Slug
    environment: Slug
    project: ProjectId
    region: Region
    output_uri: GcsUri
    labels: Labels = {}
    wait: bool = True
    protect: bool = False
    stack_renamed_from: FormerStack | None = None
    prerequisites: Prerequisites = Field(default=Prerequisites.VERIFY, strict=False)
    target: Target = Field(default=Target.GOOGLE, strict=False)
    prices: str | None = None
    budget: Budget | None = None
    policy: Policy = Policy()
    tuning_quota: TuningQuota | None = None
    services: list[dict[str, Any]] = []


class Service(msgspec.Struct, frozen=True):
    """A validated service and the content of its local files."""

    spec: ServiceSpec
    datasets: Mapping[str, Dataset]


class Stack(msgspec.Struct, frozen=True):
    """A validated stack."""

    settings: Settings
    services: tuple[Service, ...]
    prices: Book


STRUCTURED = ("labels", "wait", "protect", "budget", "policy", "tuning_quota", "services")
"""Keys with structured values, which Pulumi passes as JSON."""


class InvalidStack(pulumi.RunError):
    """A stack's files are invalid; the text has one line per problem and is all that the user sees."""

    def __init__(self, text: str) -> None:
        super().__init__(plain.lines(text))


def stack_file(stack: str) -> str:
    """A stack's own file, below the project's root."""
    return f"{FOLDER}/Pulumi.{stack.rsplit('/', 1)[-1]}.yaml"


def load(
    stack: str,
    own: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    root: Path,
    working_folder: Path | None = None,
    secrets: Collection[str] = (),
    namespaces: Collection[str] = (),
) -> Stack:
    """Validate a stack's configuration, merged with shared files, and its data.

    Args:
        stack: the stack's name; an organization and project before it are left out.
        own: the stack's own configuration below ``vertex-tuning:``, parsed.
        environment: the process's environment.
        root: the project's folder; paths of local data in the files are relative to it, and shared
            files are in its ``stacks``.
        working_folder: where the program runs, the current folder when left out; paths of local data
            are made relative to it, so that no machine's folders get into the state.
        namespaces: the namespaces of the stack's keys, ours and others'.
        secrets: the keys in ``vertex-tuning:`` with a secret value at any depth.

    Raises:
        InvalidStack: with every problem of every service, its file and its YAML path.
    """
    shared, unreadable = read_shared(root / FOLDER, own.get("team"), own.get("environment"))
    merged = merge([*shared, Layer(stack_file(stack), own, f"{NAMESPACE}:")])
    settings, services, problems = _checked(merged.values, environment, root, working_folder or Path.cwd())
    problems += secret_problems(secrets, root / stack_file(stack))
    problems += _allowed_by_others(merged)
    prices, unread = find_prices(merged.values.get("prices"), root)
    problems += unread
    if settings is not None and not problems:
        checked = [
            (each.spec, each.datasets, written)
            for each, written in zip(services, settings.services, strict=True)
        ]
        problems += refused(checked, _policy(settings), settings.budget, prices, inherited=_DEFAULTS)
    placed = (Problem(merged.place(each.path), each.problem) for each in problems)
    told = [*_mistyped(stack, namespaces), *unreadable, *as_written(placed, root)]
    if told or settings is None:
        raise InvalidStack("the stack's files are invalid, nothing was changed:\n" + listed(told))
    return Stack(settings, tuple(services), prices)


def _mistyped(stack: str, namespaces: Collection[str]) -> list[Problem]:
    """Misspelled namespaces, whose values would be ignored."""
    nearly = difflib.get_close_matches(NAMESPACE, {*namespaces} - {NAMESPACE}, cutoff=0.85)
    return [
        Problem(f"{stack_file(stack)}: {name}:", f"is not read; did you mean {NAMESPACE}:") for name in nearly
    ]


def _policy(settings: Settings) -> Policy:
    """The policy with its defaults: on Google Cloud evaluations run only allowed commands."""
    if settings.target is Target.EMBEDDED or settings.policy.evaluation_commands is not None:
        return settings.policy
    return settings.policy.model_copy(update={"evaluation_commands": ()})


def _allowed_by_others(merged: Merged) -> list[Problem]:
    """A stack's or a team's own file cannot allow its own commands: they run with the deployer's rights."""
    key = "policy.evaluation_commands"
    trusted = (f"{FOLDER}/defaults.yaml: ", f"{FOLDER}/environments/")
    written = [place for path, place in merged.origins.items() if path == key or path.startswith(f"{key}[")]
    if all(place.startswith(trusted) for place in written):
        return []
    return [Problem(key, f"can be set in {FOLDER}/defaults.yaml or {FOLDER}/environments only")]


def _checked(
    values: Mapping[str, Any], environment: Mapping[str, str], root: Path, working_folder: Path
) -> tuple[Settings | None, list[Service], list[Problem]]:
    """The valid settings and services, and every problem."""
    problems: list[Problem] = []
    settings = None
    try:
        settings = Settings.model_validate(dict(values))
        problems += _target(settings, environment)
    except ValidationError as error:
        problems += problems_of(error, Settings)
    written_services = values.get("services")
    services: list[Service] = []
    for index, written in enumerate(written_services if isinstance(written_services, list) else []):
        if not isinstance(written, dict):
            continue
        at = f"services[{index}]"
        whole = _with_defaults(written, values, root, working_folder)
        spec, found = parse(whole, ("services", index))
        # An invalid default is reported once, at the top, not in every service.
        problems += [m for m in found if not _inherited(m, at, written, values)]
        datasets, unfit = read_datasets(whole.get("tuning"), at)
        problems += unfit
        problems += unfit_prompts(whole.get("serving"), at)
        if spec is not None:
            services.append(Service(spec, datasets))
    problems += _duplicates(written_services)
    problems += _former_names(written_services)
    return settings, services, problems


_DEFAULTS = ("project", "region", "output_uri", "wait", "protect", "stack_renamed_from")


def _with_defaults(
    written: Mapping[str, Any], values: Mapping[str, Any], root: Path, folder: Path
) -> dict[str, Any]:
    defaults = {key: values[key] for key in _DEFAULTS if key in values}
    own, shared = written.get("labels", {}), values.get("labels", {})
    labels = own
    if isinstance(own, dict) and isinstance(shared, dict):
        about = {key: values[key] for key in ("team", "environment") if isinstance(values.get(key), str)}
        labels = {**about, **shared, **own}
    defaults["check_in_preview"] = values.get("prerequisites") != Prerequisites.MANAGE.value
    tuning = written.get("tuning")
    if isinstance(tuning, dict):
        tuning = {
            key: _relative(value, root, folder) if key in ("training_data", "validation_data") else value
            for key, value in tuning.items()
        }
    placed = {"tuning": tuning, "serving": _evaluated_here(written.get("serving"), root, folder)}
    given = {key: value for key, value in placed.items() if key in written}
    return {**defaults, **written, "labels": labels, **given}


def _evaluated_here(serving: Any, root: Path, folder: Path) -> Any:
    """The serving with its evaluation paths relative to the working folder."""
    evaluation = serving.get("evaluation") if isinstance(serving, dict) else None
    if not isinstance(evaluation, dict):
        return serving
    places = {"directory": _relative(evaluation.get("directory", "."), root, folder)}
    if "prompts" in evaluation:
        places["prompts"] = _relative(evaluation["prompts"], root, folder)
    return {**serving, "evaluation": {**evaluation, **places}}


def _relative(source: Any, root: Path, folder: Path) -> Any:
    if not isinstance(source, str) or not source or not is_local(source) or Path(source).is_absolute():
        return source
    return os.path.relpath(root / source, folder)


def _inherited(mistake: Problem, at: str, written: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    key = mistake.path.removeprefix(f"{at}.")
    if key.startswith("labels."):
        own = written.get("labels")
        return not isinstance(own, dict) or key.removeprefix("labels.") not in own
    return key in _DEFAULTS and key not in written and (key in values or mistake.problem == "is missing")


def _duplicates(services: Any) -> list[Problem]:
    names = [s.get("name") for s in services if isinstance(s, dict)] if isinstance(services, list) else []
    counted = Counter(name for name in names if isinstance(name, str))
    return [
        Problem(f"services[{index}].name", f"{name!r} is used twice; names are unique in a stack")
        for index, name in enumerate(names)
        if isinstance(name, str) and counted[name] > 1 and names.index(name) != index
    ]


def _former_names(services: Any) -> list[Problem]:
    """Resources made under a name belong to one service: the one that has the name, or had it."""
    written = [s if isinstance(s, dict) else {} for s in services] if isinstance(services, list) else []
    holders = {str(service.get("name")): index for index, service in enumerate(written)}
    problems = []
    for index, service in enumerate(written):
        former = service.get("renamed_from")
        for name in former if isinstance(former, list) else [former]:
            other = holders.setdefault(str(name), index) if name else index
            if other != index:
                why = f"services[{other}] has, or had, the name {name!r} and owns its resources"
                problems.append(Problem(f"services[{index}].renamed_from", why))
    return problems


def _target(settings: Settings, environment: Mapping[str, str]) -> list[Problem]:
    embedded = bool(environment.get(ENDPOINT))
    if settings.target is Target.EMBEDDED and not embedded:
        why = f"this stack is for the embedded Vertex AI, and {ENDPOINT} is not set; use make up"
    elif settings.target is Target.GOOGLE and embedded:
        why = f"this stack is for Google Cloud, and {ENDPOINT} points to an embedded Vertex AI; unset it"
    else:
        return []
    return [Problem("target", why)]
