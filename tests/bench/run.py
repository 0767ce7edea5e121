"""Speed, as ratios in one run: contenders alternate; medians of seven rounds, of three for tokens, trainings once.

    python -m tests.bench.run [preview] [training] [idle] [tokens]

A number of seconds says more about the machine than about the program, so every figure is held
against another one of the same minute. Exits with 1 when a stated bound is missed.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from graphlib import TopologicalSorter
from pathlib import Path

import httpx

from tests.support.emulator import start_emulator
from tests.support.stack import REPOSITORY, Workspace

ROUNDS = 7
SERVICES = 3

OURS = """
import pulumi
from vertex_tuning import TunedModelService
for n in range({services}):
    TunedModelService(
        f"s{{n}}", project="bench-project", region="us-central1", output_uri="gs://bench-bucket/models",
        tuning={{"base_model": "meta/llama3_1@llama-3.1-8b", "mode": "FULL", "training_data": "train.jsonl",
                "epochs": 1}},
    )
"""

# As many resources with the same inputs and dependencies, and a provider that does nothing.
NO_OP = """
import json
from pathlib import Path
import pulumi
from tests.bench.noop import Component, Nothing
made, parents = {}, {}
for row in json.loads(Path("resources.json").read_text()):
    if row["parent"] not in parents:
        parents[row["parent"]] = Component(row["parent"])
    parent = parents[row["parent"]]
    made[row["name"]] = Nothing(row["name"], row["inputs"], pulumi.ResourceOptions(
        parent=parent, depends_on=[made[name] for name in row["after"]]))
"""

# Written at once, not at the end: the engine kills providers, and a killed process says nothing more.
LOADED = """
import os, sys
def tell(*words):
    with open(os.environ["BENCH_MODULES"], "a") as told:
        told.write(" ".join(words) + "\\n")
class Look:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(("google.cloud.", "google.auth", "google.api_core")):
            tell("module", name)
tell("process", *sys.orig_argv)
sys.meta_path.insert(0, Look())
"""
# What tells the processes apart, by their command lines.
PROCESSES = {"the program": "pulumi-language-python-exec", "the provider": "pulumi.dynamic"}


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def alternate(rounds: int = ROUNDS, **contenders: Callable[[], object]) -> dict[str, list[float]]:
    """Seconds of each, one after the other, round by round."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, action in contenders.items():
            taken[name].append(seconds(action))
    return taken


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of the rounds' ratios: what slows the machine for a while slows both of a round."""
    return statistics.median(one / other for one, other in zip(over, under, strict=True))


def told(name: str, value: float, bound: float | None, unit: str = "x") -> bool:
    good = bound is None or value <= bound
    limit = "" if bound is None else f" (bound {bound:g} {unit}{'' if good else ', MISSED'})"
    print(f"{name}: {value:.2f} {unit}{limit}", flush=True)
    return good


def preview_of_an_unchanged_stack(folder: Path) -> bool:
    """What a preview costs over one of as many resources that do nothing."""
    emulator = start_emulator(folder / "emulator", "--speed", "instant")
    try:
        httpx.post(f"{emulator.url}/storage/v1/b?project=bench", json={"name": "bench-bucket"})
        ours = Workspace.make(folder / "ours", emulator.url, OURS.format(services=SERVICES))
        rows = [{"prompt": f"question {n}", "completion": "answer"} for n in range(200)]
        data = ours.folder / "infra" / "train.jsonl"
        data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        made = ours.up()
        assert made.ok, made.text
        nothing = Workspace.make(folder / "nothing", None, NO_OP)
        (nothing.folder / "infra" / "resources.json").write_text(json.dumps(same_resources(ours)))
        made = nothing.up()
        assert made.ok, made.text

        # A file younger than two seconds is not trusted from the cache.
        time.sleep(2.1)
        cached = ours.preview
        assert "unchanged" in cached().text
        taken = alternate(nothing=nothing.preview, ours=cached)
        good = told(
            "preview of an unchanged stack, data hash cached / no-op resources",
            ratio(taken["ours"], taken["nothing"]),
            1.3,
        )

        def uncached() -> None:
            data.write_text(data.read_text())
            ours.preview()

        taken = alternate(nothing=nothing.preview, ours=uncached)
        told("the same with the data read and hashed again", ratio(taken["ours"], taken["nothing"]), None)
        return no_google_module(ours) and good
    finally:
        emulator.stop()


def same_resources(ours: Workspace) -> list[dict[str, object]]:
    """Our resources as names, parents, inputs and dependencies, each after what it depends on."""
    state = {r["urn"]: r for r in ours.state() if "dynamic" in r["type"]}
    after = {urn: [d for d in r.get("dependencies", []) if d in state] for urn, r in state.items()}
    in_order = [state[urn] for urn in TopologicalSorter(after).static_order()]
    return [
        {
            "name": r["urn"].rsplit("::", 1)[1],
            "parent": r["parent"].rsplit("::", 1)[1],
            "inputs": {k: v for k, v in r["inputs"].items() if k != "__provider"},
            "after": [d.rsplit("::", 1)[1] for d in after[r["urn"]]],
        }
        for r in in_order
    ]


def no_google_module(ours: Workspace) -> bool:
    """Asserts that neither the program nor the provider imports a Google client in such a preview."""
    site, modules = ours.folder / "site", ours.folder / "modules"
    site.mkdir()
    (site / "sitecustomize.py").write_text(LOADED)
    os.environ["PYTHONPATH"], os.environ["BENCH_MODULES"] = str(site), str(modules)
    try:
        ours.preview()
    finally:
        del os.environ["PYTHONPATH"], os.environ["BENCH_MODULES"]
    lines = modules.read_text().splitlines()
    started = [line for line in lines if line.startswith("process ")]
    for name, mark in PROCESSES.items():
        assert any(mark in line for line in started), f"{name} was not looked at: {started}"
    loaded = sorted({line.removeprefix("module ") for line in lines if line not in started})
    shown = ", ".join(loaded[:5]) or "none"
    print(f"Google client modules imported by program and provider: {len(loaded)} ({shown})", flush=True)
    return not loaded


def training(folder: Path) -> bool:
    """200 short examples, three epochs, from the worker's start to its artifacts; the base model is cached."""
    data = folder / "train.jsonl"
    parts = [REPOSITORY / "data" / f"tickets-{part}.jsonl" for part in ("train", "validation")]
    data.write_text("".join(part.read_text() for part in parts))
    assert len(data.read_text().splitlines()) == 200
    cache = REPOSITORY / ".cache" / "emulator"
    good = True
    for mode in ("FULL", "PEFT_ADAPTER"):
        spec = {
            "training_file": str(data),
            "validation_file": None,
            "output_dir": str(folder / mode),
            "cache_dir": str(cache),
            "mode": mode,
            "epochs": 3,
            "batch_size": None,
            "learning_rate": None,
            "adapter_size": None,
            "custom_base": None,
            "seed": 0,
        }
        written = folder / f"{mode}.json"
        written.write_text(json.dumps(spec))
        command = [
            sys.executable,
            "-m",
            "vertex_emulator.training.worker",
            str(written),
            str(folder / f"{mode}-progress.json"),
        ]
        subprocess.run(
            command, check=True
        )  # the first run makes the base model and fills the compilation cache
        taken = seconds(lambda command=command: subprocess.run(command, check=True))  # type: ignore[misc]
        good &= told(f"200 examples x 3 epochs, {mode}, one run", taken, 60, "s")
    return good


def idle(folder: Path) -> bool:
    """What the embedded service holds in memory when nothing happens."""
    emulator = start_emulator(folder / "idle")
    try:
        status = Path(f"/proc/{emulator.pid}/status").read_text()
        [kib] = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")]
        return told("embedded service idle", kib / 1024, 300, "MiB")
    finally:
        emulator.stop()


def tokens(_: Path) -> bool:
    """What an answer costs that reads on from its cache, over one that reads everything again."""
    from tests.bench.tokens import answers

    taken = alternate(rounds=3, **answers())
    return told("answer from the cache / read again", ratio(taken["reading_on"], taken["reading_again"]), 0.5)


BENCHES = {"preview": preview_of_an_unchanged_stack, "training": training, "idle": idle, "tokens": tokens}


def main() -> int:
    asked = sys.argv[1:] or list(BENCHES)
    if shutil.which("pulumi") is None or not set(asked) <= set(BENCHES):
        print(f"usage: make bench, or tests.bench.run {' '.join(BENCHES)} with the engine on PATH")
        return 2
    good = True
    for name in asked:
        with tempfile.TemporaryDirectory() as folder:
            good &= BENCHES[name](Path(folder))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
