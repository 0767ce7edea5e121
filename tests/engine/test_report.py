"""The report and the policy pack on what the real engine previews."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.emulator import RunningEmulator
from tests.support.stack import REPOSITORY, Workspace
from vertex_tuning.policy import RULES

pytestmark = pytest.mark.engine

Make = Callable[..., Workspace]
ROW = '"currency": "USD", "date": "2026-01-31", "source": "made up"'
PRICES = f"""{{"rows": [
  {{"what": "training, 1M tokens", "base_model": "meta/llama3_1@llama-3.1-8b", "mode": "FULL", "price": "1000000", {ROW}}},
  {{"what": "node, 1 hour", "machine_type": "g2-standard-12", "region": "us-central1", "price": "2", {ROW}}},
  {{"what": "storage, 1 GiB month", "region": "us-central1", "price": "0", {ROW}}}
]}}"""


def previewed(stack: Workspace, *arguments: str) -> bytes:
    return subprocess.run(
        stack.command("preview", "--json", "--show-sames", *arguments),
        cwd=stack.folder,
        env=stack.environment,
        capture_output=True,
        check=False,
        timeout=300,
    ).stdout


def reported(stack: Workspace, preview: bytes, *arguments: str) -> str:
    command = [sys.executable, "-c", "from vertex_tuning.cli import main; main()", "report", *arguments]
    ran = subprocess.run(
        command, cwd=stack.folder, env=stack.environment, input=preview, capture_output=True, check=True
    )
    return ran.stdout.decode()


def test_new_examples_and_more_replicas_as_a_reviewer_reads_them(
    workspace: Make, values: dict[str, Any], emulator: RunningEmulator, training_file: Path
) -> None:
    stack = workspace(values)
    (stack.folder / "prices.json").write_text(PRICES)
    assert "1 service new, 1 tuning to pay" in reported(stack, previewed(stack))
    ran = stack.up()
    assert ran.ok, ran.text
    cost = stack.outputs()["tickets"]["cost"]
    assert cost["hourly"] == "2.00 USD"
    assert cost["monthly"] == "1,460.00 USD"
    assert "no service changes" in reported(stack, previewed(stack))

    lines = training_file.read_text().splitlines(keepends=True)
    training_file.write_text("".join(lines[2:]) + '{"prompt": "One more?", "completion": " yes"}\n')
    [service] = values["services"]
    stack.configure({**values, "services": [{**service, "serving": {"max_replicas": 2}}]})
    preview = previewed(stack)
    told = reported(stack, preview, "--html", "report.html")
    assert "12 → 11 examples; 1 line added, 2 removed" in told
    assert "| `serving.max_replicas` | `1` | `2` | in place |" in told
    assert "**A month**: 1,460.00 USD → 1,460.00 to 2,920.00 USD" in told
    assert "tuning.training\\_data goes from 12 to 11 examples" in told
    assert "<script" not in (stack.folder / "report.html").read_text()

    found = msgspec.json.decode(reported(stack, preview, "--json"))
    [changed] = found["services"]
    assert (changed["training"], changed["verb"]) == ("re-trains", "changed")

    plain = stack.preview()
    assert "costs 2.00 to 4.00 USD an hour until destroyed" in plain.text
    assert '"2.00 USD" => "2.00 to 4.00 USD"' in plain.text, "a plain preview shows how the estimate changes"


def test_a_preview_that_a_budget_refuses(workspace: Make, values: dict[str, Any]) -> None:
    stack = workspace({**values, "budget": {"monthly": 1000}})
    (stack.folder / "prices.json").write_text(PRICES)
    refused = stack.preview()
    assert not refused.ok
    assert "budget.monthly: 1,460.00 USD is above the budget of 1,000.00 USD: tickets" in refused.text
    assert "Traceback" not in refused.text
    told = reported(stack, previewed(stack))
    assert "the preview failed" in told
    assert "1,460.00 USD is above" in told


PACK: list[tuple[dict[str, Any], list[str], str]] = [
    (
        {
            "max-epochs": {"value": 1},
            "regions": {"value": ["us-central1"]},
            "private-endpoints": {"value": False},
        },
        [],
        "all of it is kept to",
    ),
    (
        {
            "regions": {"value": ["europe-west4"]},
            "required-labels": {"value": ["cost-centre"]},
            "private-endpoints": {"value": True},
            "budget": {"monthly": 1},
        },
        [
            "service tickets, region: us-central1 is not allowed",
            "labels: cost-centre is missing",
            "no public endpoint",
            "budget.monthly: 840.61 USD (list price of 2026-07-08 and 2026-09-20) is above the budget of 1.00 USD",
        ],
        "each breach is told",
    ),
    ({"max-epochs": {"value": 0}}, ["must be at least 1, not 0"], "a policy that cannot be meant"),
    (
        {"budget": {"monthly": 1000, "prices": "prices.json"}},
        ["1,460.00 USD is above the budget of 1,000.00 USD: tickets"],
        "the pack's own book",
    ),
]


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack, told to start its analyzer itself: an older language host cannot start one for Python."""
    folder = tmp_path_factory.mktemp("pack")
    copy = shutil.copytree(REPOSITORY / "policy", folder / "policy")
    settings = copy / "PulumiPolicy.yaml"
    settings.write_text(settings.read_text().replace("runtime: python", "runtime: local"))
    analyzer = shutil.which("pulumi-analyzer-policy-python")
    assert analyzer is not None
    (folder / "bin").mkdir()
    (folder / "bin" / "pulumi-analyzer-policy-local").symlink_to(analyzer)
    return folder


def test_the_pack_refuses_what_the_rules_refuse(workspace: Make, values: dict[str, Any], pack: Path) -> None:
    stack = workspace(values)
    (pack / "policy" / "prices.json").write_text(PRICES)
    environment = {**stack.environment, "PATH": f"{pack / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    for config, said, why in PACK:
        (pack / "config.json").write_text(json.dumps(config))
        ran = subprocess.run(
            stack.command(
                *("preview", "--policy-pack", str(pack / "policy")),
                *("--policy-pack-config", str(pack / "config.json")),
            ),
            cwd=stack.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        printed = ran.stdout + ran.stderr
        assert (ran.returncode == 0) is (said == []), f"{why}\n{printed}"
        assert [line for line in said if line not in printed] == [], f"{why}\n{printed}"
        assert "Traceback" not in printed, why


def test_the_example_s_names_are_the_pack_s() -> None:
    named = json.loads((REPOSITORY / "policy" / "example.json").read_text())
    assert {name.replace("-", "_") for name in named} <= set(RULES)
