"""Write what the Pulumi Kubernetes Operator needs to keep every stack, a folder for each team.

    python -m tools.k8s --help

A team has a namespace; a stack has a Stack and a service account, which is the Google identity that the
stack's own environment has on GitHub. Validated against the operator's definitions, never run.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tools.ci.project import Stack, stacks
from vertex_tuning.stack import Target
from vertex_tuning.stack.files import BadFile

ROOT = Path(__file__).resolve().parent.parent
COMMITS_EVERY_S = 300
"""How often the operator looks for commits; it takes no shorter time than 60."""
LONGEST_NAME = 42
"""Of a Stack, by a rule in its definition; a namespace may have 63 characters, and ours begins with 7."""
STEPS_EVERY_S = 900
"""How often a stack with ``wait: false`` is brought a step on."""


class Cluster(msgspec.Struct, frozen=True):
    """What the stacks' files do not say.

    Attributes:
        repository: from which the operator takes this project.
        branch: of it.
        backend: of the state, such as ``gs://BUCKET``.
        image: with the engine and the packages of ``requirements-run.lock``.
        secrets: Pulumi's secrets provider, such as ``gcpkms://…``.
        identity: a stack's Google service account; ``{project}`` and ``{stack}`` are filled in.
    """

    repository: str
    branch: str
    backend: str
    image: str
    secrets: str
    identity: str


class Unfit(Exception):
    """Stacks that a cluster cannot keep under their names; the text says which and why, one a line."""


def manifests(found: Sequence[Stack], cluster: Cluster) -> dict[str, list[dict[str, Any]]]:
    """Every manifest by the file that it goes to, ``TEAM/namespace.yaml`` and ``TEAM/STACK.yaml``.

    Raises:
        Unfit: a name that Kubernetes does not take, or two that are one there.
    """
    if unfit := [*_unfit(found)]:
        raise Unfit("\n".join(unfit))
    made: dict[str, list[dict[str, Any]]] = {}
    for stack in found:
        namespace = namespace_of(stack)
        made[f"{stack.team}/namespace.yaml"] = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        ]
        siblings = {each.name for each in found if each.team == stack.team}
        made[f"{stack.team}/{stack.name}.yaml"] = [
            _account(stack, cluster),
            _delegation(stack),
            _stack(stack, siblings, cluster),
        ]
    return made


def _unfit(found: Sequence[Stack]) -> Iterator[str]:
    """Why stacks cannot be kept; names become those of objects, as DNS has them (RFC 1123)."""
    kept: dict[str, str] = {}
    for stack in found:
        if stack.problem:
            yield stack.problem
            continue
        for what, name, most in (
            ("stack", _slug(stack.name), LONGEST_NAME),
            ("namespace", namespace_of(stack), 63),
        ):
            if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) or len(name) > most:
                yield (
                    f"{stack.name}: Kubernetes takes no {what} called {name!r}: letters, digits and hyphens "
                    f"inside, at most {most} characters; give the stack or its team another name"
                )
        for name, whose in (
            (f"{namespace_of(stack)}/{_slug(stack.name)}", f"stack {stack.name}"),
            (namespace_of(stack), f"team {stack.team}"),
        ):
            if kept.setdefault(name, whose) != whose:
                yield f"{whose} and {kept[name]} would both be {name} in Kubernetes; rename one of them"


def namespace_of(stack: Stack) -> str:
    """A team's namespace: names of Kubernetes have no underscore."""
    return f"tuning-{_slug(stack.team)}"


def _account(stack: Stack, cluster: Cluster) -> dict[str, Any]:
    identity = cluster.identity.format(project=stack.values.get("project", ""), stack=stack.name)
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": _slug(stack.name),
            "namespace": namespace_of(stack),
            "annotations": {"iam.gke.io/gcp-service-account": identity},
        },
    }


def _delegation(stack: Stack) -> dict[str, Any]:
    """A workspace's pod checks who talks to it."""
    name, namespace = _slug(stack.name), namespace_of(stack)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{namespace}:{name}:system:auth-delegator"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "system:auth-delegator",
        },
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }


def _stack(stack: Stack, siblings: set[str], cluster: Cluster) -> dict[str, Any]:
    steps = stack.values.get("wait") is False
    needed = sorted(_served_from(stack.values) & siblings - {stack.name})
    return {
        "apiVersion": "pulumi.com/v1",
        "kind": "Stack",
        "metadata": {"name": _slug(stack.name), "namespace": namespace_of(stack)},
        "spec": {
            "stack": stack.name,
            "projectRepo": cluster.repository,
            "branch": cluster.branch,
            "backend": cluster.backend,
            "secretsProvider": cluster.secrets,
            "serviceAccountName": _slug(stack.name),
            "resyncFrequencySeconds": STEPS_EVERY_S if steps else COMMITS_EVERY_S,
            "continueResyncOnCommitMatch": steps,
            # Deleting a manifest must not delete served models.
            "destroyOnFinalize": False,
            "workspaceReclaimPolicy": "Delete",
            **({"prerequisites": [{"name": _slug(name)} for name in needed]} if needed else {}),
            "workspaceTemplate": {"spec": {"image": cluster.image}},
        },
    }


def _served_from(values: Mapping[str, Any]) -> set[str]:
    """The stacks whose models this one serves."""
    services = values.get("services")
    sources = (
        [s.get("from_stack") for s in services if isinstance(s, dict)] if isinstance(services, list) else []
    )
    return {
        str(source["stack"]).rsplit("/", 1)[-1]
        for source in sources
        if isinstance(source, dict) and "stack" in source
    }


def _slug(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def write(folder: Path, made: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Write the manifests, and a kustomization that lists them."""
    for name, documents in {**made, "kustomization.yaml": [_kustomization(made)]}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump_all(documents, sort_keys=False, width=110))


def _kustomization(made: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(made),
    }


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description="Manifests for the Pulumi Kubernetes Operator.")
    parser.add_argument("--repository", required=True, help="from which the operator takes this project")
    parser.add_argument("--branch", default="main")
    parser.add_argument("--backend", required=True, help="of the state, such as gs://acme-pulumi-state")
    parser.add_argument("--image", required=True, help="with the engine and requirements-run.lock")
    parser.add_argument("--secrets", required=True, help="Pulumi's secrets provider, such as gcpkms://…")
    parser.add_argument("--identity", default="pulumi@{project}.iam.gserviceaccount.com")
    parser.add_argument("--out", type=Path, default=Path("k8s"))
    given = vars(parser.parse_args(arguments))
    folder = given.pop("out")
    if unknown := set(re.findall(r"{[^}]*}?", given["identity"])) - {"{project}", "{stack}"}:
        parser.error(
            f"--identity: only {{project}} and {{stack}} are filled in, not {', '.join(sorted(unknown))}"
        )
    try:
        made = manifests(stacks(ROOT, Target.GOOGLE), Cluster(**given))
        write(folder, made)
    except (Unfit, BadFile, OSError) as error:
        sys.exit(str(error))
    print(f"{len(made) + 1} files in {folder}; look at them, then: kubectl apply --kustomize {folder}")


if __name__ == "__main__":
    main(sys.argv[1:])
