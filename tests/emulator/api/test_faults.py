"""Faults on demand: each does what its name says, to the call that it names, and to no other."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

from tests.support.emulator import RunningEmulator
from tests.support.plain import Plain

Json = dict[str, Any]


def create(plain: Plain, name: str = "e") -> httpx.Response:
    return plain.call("POST", f"v1/{plain.location}/endpoints", {"displayName": name})


def names(plain: Plain) -> list[str]:
    return [item["displayName"] for item in plain.vertex("GET", "/endpoints").get("endpoints", [])]


def test_failing_before_has_no_effect_and_failing_after_has(emulator: RunningEmulator, plain: Plain) -> None:
    path = f"{plain.project}/locations/.*/endpoints"
    emulator.admin.fault(path, "fail_before", method="POST", status=429, message="slow down")
    emulator.admin.fault(path, "fail_after", method="POST", nth=2, status=503)

    answers = [create(plain, name) for name in ("before", "after", "well")]

    assert [answer.status_code for answer in answers] == [429, 503, 200]
    assert answers[0].json()["error"] == {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down"}
    assert names(plain) == ["well", "after"]


STATUSES = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@pytest.mark.parametrize("status", STATUSES)
def test_a_failure_has_the_name_that_goes_with_its_status(
    emulator: RunningEmulator, plain: Plain, status: int
) -> None:
    emulator.admin.fault(plain.project, "fail_before", status=status)

    assert plain.refused("GET", f"v1/{plain.location}/endpoints")[:2] == (status, STATUSES[status])


def test_a_rule_acts_on_the_nth_match_as_often_as_it_says(emulator: RunningEmulator, plain: Plain) -> None:
    emulator.admin.fault(plain.project, "fail_before", method="GET", nth=2, times=2, status=500)

    answers = [plain.call("GET", f"v1/{plain.location}/endpoints").status_code for _ in range(5)]

    assert answers == [200, 500, 500, 200, 200]
    assert [rule["matched"] for rule in emulator.admin.faults()] == [5]


def test_a_lost_response_is_a_closed_connection_after_the_effect(
    emulator: RunningEmulator, plain: Plain
) -> None:
    emulator.admin.fault(plain.project, "lose_response", method="POST")
    before = emulator.admin.last_request()

    with pytest.raises(httpx.TransportError):
        create(plain, "made")

    assert names(plain) == ["made"]
    assert emulator.admin.requests(before)[0]["status"] == 0


@pytest.mark.parametrize(("when", "meanwhile"), [("before", []), ("after", ["made"])])
def test_a_hanging_call_outlasts_a_clients_patience_and_has_its_effect(
    emulator: RunningEmulator, plain: Plain, when: str, meanwhile: list[str]
) -> None:
    emulator.admin.fault(plain.project, "hang", method="POST", seconds=1, when=when)

    with pytest.raises(httpx.ReadTimeout):
        plain.call("POST", f"v1/{plain.location}/endpoints", {"displayName": "made"}, timeout=0.3)

    assert names(plain) == meanwhile, "others are served while it hangs"
    deadline = time.monotonic() + 10
    while names(plain) != ["made"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_lists_lag_while_gets_do_not(emulator: RunningEmulator, plain: Plain) -> None:
    emulator.admin.fault(f"{plain.project}.*/endpoints", "lag", method="GET", times=None, seconds=3600)
    emulator.admin.fault(f"{plain.bucket}/o", "lag", method="GET", times=None, seconds=3600)

    name = plain.endpoint("young")
    plain.put("young", b"")

    assert names(plain) == []
    assert plain.ok("GET", f"v1/{name}")["displayName"] == "young"
    assert plain.ok("GET", f"storage/v1/b/{plain.bucket}/o")["items"] == []


LEFT_BEHIND: dict[str, tuple[int, bool, bool]] = {
    "nothing yet": (0, False, False),
    "the model, but no endpoint": (1, True, False),
    "the model and an endpoint without it": (2, True, True),
}


@pytest.mark.parametrize("left", LEFT_BEHIND)
def test_a_deployment_that_fails_half_way_leaves_its_first_half(
    emulator: RunningEmulator, plain: Plain, left: str
) -> None:
    steps, model, endpoint = LEFT_BEHIND[left]
    emulator.admin.fault(
        f"{plain.project}/locations/[^/]*:deploy$",
        "operation_failure",
        code=8,
        message="no machines",
        after_steps=steps,
    )
    body = {
        "customModel": {"gcsUri": plain.weights()},
        "endpointConfig": {"endpointUserId": "e"},
        "modelConfig": {"modelUserId": "m"},
    }

    answer = plain.done(plain.vertex("POST", ":deploy", body))

    assert answer == {"error": {"code": 8, "message": "no machines"}}
    assert plain.call("GET", f"v1/{plain.location}/models/m").is_success is model
    found = plain.call("GET", f"v1/{plain.location}/endpoints/e")
    assert found.is_success is endpoint
    assert "deployedModels" not in found.json()


def test_a_job_can_be_made_to_fail_with_a_message(emulator: RunningEmulator, plain: Plain) -> None:
    emulator.admin.fault(
        f"{plain.project}.*tuningJobs", "job_failure", method="POST", code=3, message="bad rows"
    )

    job = plain.ended(plain.tune())

    assert (job["state"], job["error"]) == ("JOB_STATE_FAILED", {"code": 3, "message": "bad rows"})


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_client_can_be_killed_at_an_exact_call(emulator: RunningEmulator, plain: Plain, when: str) -> None:
    """A signal "before" finds the call on its way: the server then has its effect all the same."""
    script = (
        "import sys, httpx; sys.stdin.readline(); "
        f"httpx.get('{plain.url}/v1/{plain.location}/models'); "
        f"httpx.post('{plain.url}/v1/{plain.location}/endpoints', json={{'displayName': 'made'}}); "
        "print('survived')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as client:
        emulator.admin.fault(
            f"{plain.project}.*endpoints",
            "signal",
            method="POST",
            pid=client.pid,
            signal="SIGKILL",
            when=when,
        )
        printed, _ = client.communicate("go\n", timeout=30)

    assert (client.returncode, printed) == (-signal.SIGKILL, "")
    deadline = time.monotonic() + 5
    while names(plain) != ["made"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


BAD_RULES: dict[str, Json] = {
    "an action that does not exist": {"path": "x", "action": {"type": "explode"}},
    "a field that does not exist": {"path": "x", "action": {"type": "hang", "minutes": 1}},
    "a path that is no regular expression": {"path": "(", "action": {"type": "hang"}},
    "counting from nought": {"path": "x", "nth": 0, "action": {"type": "hang"}},
    "a signal for every process": {"path": "x", "action": {"type": "signal", "pid": -1}},
    "a signal that does not exist": {
        "path": "x",
        "action": {"type": "signal", "pid": os.getpid(), "signal": "X"},
    },
}


@pytest.mark.parametrize("reason", BAD_RULES)
def test_a_rule_that_means_nothing_is_refused(plain: Plain, reason: str) -> None:
    assert plain.refused("PUT", "emulator/faults", {"rules": [BAD_RULES[reason]]})[0] == 400


def test_the_log_counts_what_was_served_and_not_the_emulators_own_calls(
    emulator: RunningEmulator, plain: Plain
) -> None:
    before = emulator.admin.last_request()

    create(plain)
    create(plain)
    plain.call("GET", "nowhere")

    entries = emulator.admin.requests(before)
    path = f"/v1/{plain.location}/endpoints"
    assert [(entry["method"], entry["path"], entry["status"]) for entry in entries] == [
        ("POST", path, 200),
        ("POST", path, 200),
        ("GET", "/nowhere", 404),
    ]
    assert [entry["seq"] for entry in entries] == [before + 1, before + 2, before + 3]
    assert emulator.admin.count("POST", "/endpoints", before) == 2


BAD_SETTINGS: dict[str, Json] = {
    "a setting that does not exist": {"gpus": 3},
    "less than nothing": {"tuning_quota": -1},
    "a word for a number": {"l4_per_region": "many"},
}


@pytest.mark.parametrize("reason", BAD_SETTINGS)
def test_project_settings_that_mean_nothing_are_refused(plain: Plain, reason: str) -> None:
    assert plain.refused("PUT", f"emulator/projects/{plain.project}", BAD_SETTINGS[reason])[0] == 400


def test_what_is_served_can_be_listed(plain: Plain) -> None:
    routes = plain.ok("GET", "emulator/routes")["routes"]

    served = {route["google"] for route in routes}
    assert "google.cloud.aiplatform.GenAiTuningService.CreateTuningJob" in served
    assert not any("DeleteTuningJob" in name for name in served), "Google has none"


@pytest.mark.parametrize("effect", [True, False])
def test_an_odd_answer_hides_an_effect_or_has_none(
    emulator: RunningEmulator, plain: Plain, *, effect: bool
) -> None:
    emulator.admin.fault(
        plain.project, "odd_answer", method="POST", body="<p>", content_type="text/html", effect=effect
    )

    answer = create(plain, "made")

    assert (answer.status_code, answer.text) == (200, "<p>")
    assert answer.headers["content-type"].startswith("text/html")
    assert names(plain) == (["made"] if effect else [])


def test_a_failure_can_say_when_to_come_again(emulator: RunningEmulator, plain: Plain) -> None:
    emulator.admin.fault(plain.project, "fail_before", status=429, retry_after=20)
    assert create(plain).headers["retry-after"] == "20"
