"""How a stack's cost grows with its services: 1, 10, 100, 1,000 in one stack, on the real engine.

    python -m tests.bench.scale [--sizes 1,10,100,1000] [--rounds N] [--first-up 100] [--tuned 10]
                                [--picture docs/scale.svg]

Preview and `up` of an unchanged stack are held against a stack of as many resources that do nothing, with
the same inputs, parents and dependencies; the two alternate, and the median of the rounds' ratios is told: of
seven rounds up to ten services, of three above, where one takes minutes. One service is really brought up; what
the others' state would be follows from it, and is imported. Figures are printed as they come, and at the end once
more as a table in Markdown. Exits with 1 when the ratio's bound is missed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from tests.bench.picture import Curve, draw
from tests.bench.run import NO_OP, OURS, ROUNDS, alternate, ratio, same_resources, seconds, told
from tests.support.emulator import start_emulator
from tests.support.stack import Workspace

BOUND = 1.3
FEW = 10
Json = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """Median seconds of ours and of the resources that do nothing, and the median of the rounds' ratios."""

    ours: float
    nothing: float
    ratio: float


@dataclass(frozen=True)
class Row:
    """One size, and the state's bytes per service."""

    services: int
    preview: Pair
    up: Pair
    state_bytes: float


def write_program(workspace: Workspace, text: str) -> None:
    (workspace.folder / "infra" / "__main__.py").write_text(text)


def exported(workspace: Workspace) -> Json:
    state: Json = json.loads(workspace.run("stack", "export").text)
    return state


def seed(workspace: Workspace, pattern: Callable[[Json], Json]) -> None:
    """Import the state that an `up` of the whole program would leave.

    ``pattern`` finds for a planned resource one of its kind that is really there.
    """
    state = exported(workspace)
    there = state["deployment"]["resources"]
    planned = subprocess.run(
        workspace.command("preview", "--json"),
        cwd=workspace.folder,
        env=workspace.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert planned.returncode == 0, planned.stdout + planned.stderr
    known = {resource["urn"] for resource in there}
    for step in json.loads(planned.stdout)["steps"]:
        new = step.get("newState")
        if step["op"] != "create" or new["urn"] in known:
            continue
        like = pattern(new)
        found = {k: v for k, v in like.get("outputs", {}).items() if k not in like.get("inputs", {})}
        inputs = new.get("inputs", {})
        resource: Json = {
            **{key: like[key] for key in ("type", "custom", "provider", "created") if key in like},
            **{key: new[key] for key in ("urn", "parent", "dependencies") if key in new},
            **({"id": new["urn"].rsplit("::", 1)[1]} if like["custom"] else {}),
            "inputs": inputs,
            "outputs": {**inputs, **found},
        }
        there.append(resource)
    whole = workspace.folder / "seed.json"
    whole.write_text(json.dumps(state))
    imported = workspace.run("stack", "import", "--file", str(whole), timeout=600)
    assert imported.ok, imported.text


def state_bytes(workspace: Workspace) -> int:
    """What the services' own resources take in the state as the engine writes it; the stack's own is left out."""
    ours = [r for r in workspace.state() if "TunedModelService" in r["urn"]]
    return sum(len(json.dumps(resource, indent=4)) for resource in ours)


def of_kind(workspace: Workspace) -> Callable[[Json], Json]:
    """One resource that is there for each type and, among no-ops, for each kind that they copy."""

    def key(resource: Json) -> str:
        name = resource["urn"].rsplit("::", 1)[1]
        return f"{resource['type']} {name.partition('-')[2] if '-' in name else ''}"

    by_kind = {key(resource): resource for resource in workspace.state()}
    return lambda new: by_kind[key(new)]


def unchanged(workspace: Workspace, command: str) -> None:
    arguments = {"preview": ["preview"], "up": ["up", "--yes", "--skip-preview"]}[command]
    ran = workspace.run(*arguments, timeout=1800)
    assert ran.ok, ran.text
    assert "unchanged" in ran.text, ran.text
    assert not any(word in ran.text for word in (" to create", " created", " to update", " updated")), (
        ran.text
    )


def measure(folder: Path, endpoint: str, services: int, rounds: int) -> Row:
    """Both stacks with so many services, settled."""
    ours = Workspace.make(folder / f"ours{services}", endpoint, OURS.format(services=1))
    rows = [{"prompt": f"question {n}", "completion": "answer"} for n in range(200)]
    data = ours.folder / "infra" / "train.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert (made := ours.up()).ok, made.text
    nothing = Workspace.make(folder / f"nothing{services}", None, NO_OP)
    resources = nothing.folder / "infra" / "resources.json"
    resources.write_text(json.dumps(same_resources(ours)))
    assert (made := nothing.up()).ok, made.text

    write_program(ours, OURS.format(services=services))
    seed(ours, of_kind(ours))
    resources.write_text(json.dumps(same_resources(ours)))
    seed(nothing, of_kind(nothing))

    # The first `up` writes down what an import cannot know, such as what components register.
    for stack in (ours, nothing):
        unchanged(stack, "up")
    size = state_bytes(ours)

    def compared(command: str) -> Pair:
        taken = alternate(
            rounds,
            nothing=lambda: unchanged(nothing, command),
            ours=lambda: unchanged(ours, command),
        )
        return Pair(median(taken["ours"]), median(taken["nothing"]), ratio(taken["ours"], taken["nothing"]))

    return Row(services, compared("preview"), compared("up"), size / services)


def first_up(folder: Path, endpoint: str, services: int, *, tuned: bool) -> float:
    """Seconds of the first `up` of so many services, each with a tuning of its own or all with one."""
    program = OURS.replace('"epochs": 1', '"epochs": 1, "attempt": n + 1') if tuned else OURS
    stack = Workspace.make(folder / f"first-{tuned}", endpoint, program.format(services=services))
    data = stack.folder / "infra" / "train.jsonl"
    rows = [{"prompt": f"q {n} {tuned}", "completion": "a"} for n in range(50)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def up() -> None:
        ran = stack.run("up", "--yes", "--skip-preview", "--parallel", "64", timeout=3000)
        assert ran.ok, ran.text

    return seconds(up)


def table(rows: Sequence[Row]) -> str:
    """The figures in Markdown."""
    lines = [
        "| services | preview, ours | preview, no-op | ratio | up, ours | up, no-op | ratio | state per service |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        pairs = [
            f"{pair.ours:.1f} s | {pair.nothing:.1f} s | {pair.ratio:.2f}" for pair in (row.preview, row.up)
        ]
        lines.append(f"| {row.services:,} | {' | '.join(pairs)} | {row.state_bytes / 1024:.1f} KiB |")
    return "\n".join(lines)


def picture(rows: Sequence[Row]) -> str:
    """The figures as curves."""
    return draw(
        "An unchanged stack, by number of services",
        ("services", "seconds"),
        [
            Curve("preview, ours", [(row.services, row.preview.ours) for row in rows]),
            Curve("preview, no-op resources", [(row.services, row.preview.nothing) for row in rows]),
            Curve("up, ours", [(row.services, row.up.ours) for row in rows]),
            Curve("up, no-op resources", [(row.services, row.up.nothing) for row in rows]),
        ],
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Preview and `up` of unchanged stacks, by size.")
    parser.add_argument("--sizes", default="1,10,100,1000")
    parser.add_argument("--rounds", type=int, help="of each size, instead of seven or three")
    parser.add_argument(
        "--first-up", type=int, default=100, help="services that share a tuning; 0 leaves it out"
    )
    parser.add_argument("--tuned", type=int, default=10, help="services with a tuning each; 0 leaves it out")
    parser.add_argument("--picture", type=Path, help="write the curves to this SVG file")
    options = parser.parse_args()
    good, rows = True, []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        emulator = start_emulator(folder / "emulator", "--speed", "instant")
        try:
            httpx.post(f"{emulator.url}/storage/v1/b?project=bench", json={"name": "bench-bucket"})
            emulator.admin.project("bench-project", l4_per_region=100_000, tuning_quota=1_000)
            for services in map(int, options.sizes.split(",")):
                rounds = options.rounds or (ROUNDS if services <= FEW else 3)
                row = measure(folder, emulator.url, services, rounds)
                rows.append(row)
                for command, pair in (("preview", row.preview), ("up", row.up)):
                    name = (
                        f"{services} services, {command} unchanged ({pair.ours:.1f} s / {pair.nothing:.1f} s)"
                    )
                    good &= told(name, pair.ratio, BOUND)
                told(f"{services} services, state", row.state_bytes / 1024, None, "KiB per service")
            for services, tuned, said in (
                (options.first_up, False, "that share one tuning"),
                (options.tuned, True, "with a tuning each, which really trains"),
            ):
                if services:
                    taken = first_up(folder, emulator.url, services, tuned=tuned)
                    told(f"first `up` of {services} services {said}, one run", taken, None, "s")
        finally:
            emulator.stop()
    print(f"\nMedians:\n\n{table(rows)}", flush=True)
    if options.picture:
        options.picture.write_text(picture(rows))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
