"""Load, declare, export."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
from pathlib import Path

import pulumi

from infra import prerequisites
from infra.revision import revision
from vertex_tuning import TunedModelService, names, speed_up
from vertex_tuning.pricing import Basis, stale
from vertex_tuning.stack import NAMESPACE, STRUCTURED, Prerequisites, load

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Declare everything that this stack's file names."""
    # When a resource fails the engine interrupts this program, whose traceback would bury the error.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    speed_up()
    stack = load(
        pulumi.get_stack(),
        _values(),
        os.environ,
        root=ROOT,
        working_folder=Path.cwd(),
        secrets=_secrets(),
        namespaces={key.partition(":")[0] for key in pulumi.runtime.get_config_env()},
    )
    managed = (
        prerequisites.manage(stack.settings, prerequisites.look(stack.settings))
        if stack.settings.prerequisites is Prerequisites.MANAGE
        else []
    )
    commit = revision(os.environ, ROOT)
    buckets = {names.bucket(service.spec.output_uri): service.spec for service in reversed(stack.services)}
    bases = set[Basis]()
    for service in stack.services:
        declared = TunedModelService(
            opts=pulumi.ResourceOptions(depends_on=managed),
            datasets=service.datasets,
            prices=stack.prices,
            beside=tuple(buckets.values()),
            **{"commit": commit, **service.spec.given()},
        )
        pulumi.export(service.spec.name, declared.outputs)
        bases.update(declared.estimate.bases)
    if old := stale(bases, dt.datetime.now(dt.UTC).date()):
        pulumi.log.warn(old)


def _values() -> dict[str, object]:
    """The stack's configuration below our namespace, as the stack file says it."""
    config = pulumi.Config(NAMESPACE)
    keys = [
        key.partition(":")[2] for key in pulumi.runtime.get_config_env() if key.startswith(f"{NAMESPACE}:")
    ]
    return {key: _value(config.get(key)) if key in STRUCTURED else config.get(key) for key in keys}


def _secrets() -> list[str]:
    """The keys below our namespace that hold a secret value, as the engine names them."""
    keys: list[str] = json.loads(os.environ.get("PULUMI_CONFIG_SECRET_KEYS") or "[]")
    return [key.partition(":")[2] for key in keys if key.startswith(f"{NAMESPACE}:")]


def _value(written: str | None) -> object:
    """What Pulumi wrote as JSON; text that is none stays, for the check to say what is wrong, and where."""
    try:
        return json.loads(written or "null")
    except ValueError:
        return written


main()
