"""Importing the plugin costs little: no Google client, no JAX, no side effect."""

import ast
import subprocess
import sys

import pytest

HEAVY = (
    "google.cloud.",
    "google.auth",
    "google.api_core",
    "jax",
    "numpy",
    "starlette",
    "vertex_emulator",
    "infra",
)


def test_a_command_starts_without_pulumi() -> None:
    """Every press of TAB starts one."""
    code = "import sys, vertex_tuning.cli.app; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"pulumi", "grpc", "vertex_tuning.report"}.isdisjoint(ran.stdout.split())


@pytest.mark.parametrize(
    "module", ["vertex_tuning", "vertex_tuning.resources", "vertex_tuning.cli.app", "vertex_tuning.stack"]
)
def test_nothing_heavy_is_imported(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    own = module.partition(".")[0]
    heavy = [n for n in ran.stdout.split() if n.startswith(HEAVY) and not n.startswith(own)]
    assert heavy == []


def test_models_are_built_when_first_used_by_however_many_threads() -> None:
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from vertex_tuning.resources.endpoint import EndpointProvider as Provider\n"
        "assert not Provider.inputs.__pydantic_complete__, 'built before it is used'\n"
        "with ThreadPoolExecutor(32) as pool:\n"
        "    refused = list(pool.map(lambda n: Provider().check({}, {'labels': n}).failures, range(320)))\n"
        "print({len(each) for each in refused})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    numbers = ast.literal_eval(ran.stdout)
    assert len(numbers) == 1, "every thread hears the same mistakes"
    assert numbers != {0}


@pytest.mark.parametrize(("before", "after"), [("gc.enable()", "True"), ("gc.disable()", "False")])
def test_collecting_garbage_is_as_it_was_after_the_import(before: str, after: str) -> None:
    code = f"import gc; {before}; from vertex_tuning import TunedModelService; print(gc.isenabled())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == after


def test_the_pickled_provider_is_the_same_bytes_on_every_run_and_holds_nothing() -> None:
    code = (
        "from pulumi.dynamic.dynamic import serialize_provider\n"
        "from vertex_tuning.resources.tuning_job import TuningJobProvider\n"
        "print(serialize_provider(TuningJobProvider()))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    [text] = texts
    assert len(text) < 300, "a reference to the class, not its code"
