"""The contract on a real project starts only after its cost was named and agreed to."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract import real
from tests.support.stack import REPOSITORY

NAMED = {real.PROJECT: "acme-try", real.BUCKET: "acme-try-tuning"}
ANSWERS = [
    ({}, "yes\n", None, "a person agreed"),
    ({}, "y\n", "nobody agreed", "anything but yes is no"),
    ({}, None, "no terminal", "a job without a person has to name its sum"),
    ({real.AGREED: "100"}, None, None, "the sum is within what was named"),
    ({real.AGREED: "1"}, "yes", "is below", "the sum is not"),
    ({real.AGREED: "much"}, "yes", "is below", "no number"),
]


@pytest.mark.parametrize(("more", "answer", "refused", "why"), ANSWERS, ids=[case[3] for case in ANSWERS])
def test_somebody_agrees_to_the_sum(
    more: dict[str, str], answer: str | None, refused: str | None, why: str
) -> None:
    shown: list[str] = []

    found = real.agreement({**NAMED, **more}, lambda _: answer, shown.append)

    assert (found is None) is (refused is None), why
    assert refused is None or refused in str(found)
    assert "acme-try" in shown[0]
    assert "USD (list price of" in shown[0]


def test_without_agreement_no_test_runs(tmp_path: Path) -> None:
    """A run of its own, with a project that is not there: nothing may ask for it."""
    environment = {**NAMED, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "tests/contract/test_suite_project.py",
            "-q",
            "-p",
            "no:cacheprovider",
        ],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )

    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "The most that this can cost" in ran.stdout
    assert "nothing was made" in ran.stdout + ran.stderr
