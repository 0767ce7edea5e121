"""What was answered stays: through a restart, through SIGKILL, and with many clients at once."""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.support.emulator import RunningEmulator, start_emulator
from tests.support.plain import Plain

Json = dict[str, Any]


def stop(emulator: RunningEmulator, how: str) -> None:
    if how == "stopped":
        emulator.stop()
    else:
        emulator.kill()


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_everything_is_there_after_a_restart(data: Path, how: str) -> None:
    before = start_emulator(data, "--speed", "instant")
    plain = Plain(before.url, "p")
    endpoint, model = plain.endpoint(), plain.model()
    plain.deploy(endpoint, model, {"0": 100})
    plain.put("folder/a", b"content")
    before.admin.project("p", tuning_quota=7)
    place = plain.call(
        "POST", f"upload/storage/v1/b/{plain.bucket}/o?uploadType=resumable", {"name": "half"}
    ).headers["location"]
    httpx.put(place, content=b"x" * 262_144, headers={"content-range": "bytes 0-262143/*"})
    seen = [plain.ok("GET", f"v1/{name}") for name in (endpoint, model)]
    listed = plain.ok("GET", f"storage/v1/b/{plain.bucket}/o")["items"]

    stop(before, how)
    port = int(before.url.rpartition(":")[2])
    after = start_emulator(data, "--speed", "instant", port=port)
    try:
        assert [plain.ok("GET", f"v1/{name}") for name in (endpoint, model)] == seen
        assert plain.ok("GET", f"storage/v1/b/{plain.bucket}/o")["items"] == listed
        assert plain.ok("GET", "emulator/projects/p")["tuning_quota"] == 7
        rest = httpx.put(place, content=b"y", headers={"content-range": "bytes 262144-262144/262145"})
        assert rest.json()["size"] == "262145"
        assert (data / "buckets" / plain.bucket / "folder/a").read_bytes() == b"content"
    finally:
        after.stop()


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_job_that_runs_starts_again_with_the_next_server(data: Path, how: str) -> None:
    before = start_emulator(data, "--speed", "instant")
    plain = Plain(before.url, "p")
    job = plain.until(plain.tune(spec={"hyperParameters": {"epochCount": "2"}}), "RUNNING")

    stop(before, how)
    after = start_emulator(data, "--speed", "instant")
    try:
        ended = Plain(after.url, "p").ended(job)
        assert ended["state"] == "JOB_STATE_SUCCEEDED", ended
        assert ended["createTime"] == job["createTime"]
    finally:
        after.stop()


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_no_worker_outlives_its_server(data: Path, how: str) -> None:
    emulator = start_emulator(data, "--speed", "instant")
    plain = Plain(emulator.url, "p")
    job = plain.tune(spec={"hyperParameters": {"epochCount": "100"}})
    deadline = time.monotonic() + 30
    while not (workers := workers_of(data)):
        assert time.monotonic() < deadline, plain.ok("GET", f"v1beta1/{job['name']}")
        time.sleep(0.02)

    started = time.monotonic()
    stop(emulator, how)
    if how == "stopped":
        assert time.monotonic() - started < 5

    deadline = time.monotonic() + 10
    while workers_of(data):
        assert time.monotonic() < deadline, workers
        time.sleep(0.02)


def workers_of(data: Path) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(data).encode() in command and b"vertex_emulator.training.worker" in command:
            found.append(int(folder.name))
    return found


def test_an_operation_goes_on_with_the_next_server(data: Path) -> None:
    before = start_emulator(data, "--speed", "real")
    plain = Plain(before.url, "p")
    operation = plain.vertex("POST", "/endpoints", {"displayName": "e"})
    assert "done" not in operation

    before.kill()
    after = start_emulator(data, "--speed", "fast")
    try:
        answer = Plain(after.url, "p").done(operation)
        assert answer["displayName"] == "e"
    finally:
        after.stop()


def listed(plain: Plain) -> Iterator[Json]:
    """Every object of the bucket, page by page."""
    token: str | None = ""
    while token is not None:
        query = {"pageToken": token} if token else {}
        page = plain.ok("GET", f"storage/v1/b/{plain.bucket}/o", params=query)
        yield from page["items"]
        token = page.get("nextPageToken")


def test_killed_at_any_moment_it_keeps_every_answer_and_no_half_object(data: Path) -> None:
    """Clients upload and create while the server is killed; what they got an answer for must be there."""
    emulator = start_emulator(data, "--speed", "instant")
    plain = Plain(emulator.url, "p")
    plain.put("anchor", b"")
    answered: list[str] = []

    def work(worker: int) -> None:
        with httpx.Client(timeout=10) as client:
            for number in range(10_000):
                name, content = f"w{worker}/{number}", os.urandom(50_000)
                url = f"{plain.url}/upload/storage/v1/b/{plain.bucket}/o?uploadType=media&name={name}"
                try:
                    response = client.post(url, content=content)
                except httpx.TransportError:
                    return
                if response.is_success:
                    answered.append(response.json()["crc32c"] + " " + name)

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(work, worker) for worker in range(4)]
        while len(answered) < 60:
            time.sleep(0.01)
        emulator.kill()
        for future in futures:
            future.result()

    after = start_emulator(data, "--speed", "instant")
    try:
        again = Plain(after.url, "p")
        found = {item["name"]: item for item in listed(again)}
        for line in answered:
            crc, name = line.split(" ")
            assert found[name]["crc32c"] == crc
        for name, item in found.items():
            path = f"storage/v1/b/{again.bucket}/o/{name.replace('/', '%2F')}?alt=media"
            assert len(again.call("GET", path).content) == int(item["size"])
        blobs = list((data / "blobs").glob("*/*"))
        assert len(blobs) == len(found), "what the killed server left half done is swept away"
    finally:
        after.stop()


def test_of_64_clients_that_claim_the_same_object_one_gets_it(
    emulator: RunningEmulator, plain: Plain
) -> None:
    plain.put("anchor", b"")

    def claim(client: int) -> int:
        url = f"{plain.url}/upload/storage/v1/b/{plain.bucket}/o"
        query = {"uploadType": "media", "name": "claim", "ifGenerationMatch": "0"}
        return httpx.post(url, params=query, content=str(client).encode(), timeout=60).status_code

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(claim, range(64)))

    assert sorted(answers) == [200] + [412] * 63


def test_of_64_clients_that_want_the_same_id_one_gets_it(plain: Plain) -> None:
    body = {
        "customModel": {"gcsUri": plain.weights()},
        "endpointConfig": {"endpointUserId": "one"},
        "modelConfig": {"modelUserId": "one"},
    }

    def deploy(_: int) -> int:
        return httpx.post(f"{plain.url}/v1beta1/{plain.location}:deploy", json=body, timeout=60).status_code

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(deploy, range(64)))

    assert sorted(answers) == [200] + [409] * 63


def test_64_clients_that_change_one_object_lose_no_update(plain: Plain) -> None:
    """Each adds one to a number, if nobody else did since it looked, until it has done so."""
    plain.put("number", b"0")
    path = f"storage/v1/b/{plain.bucket}/o/number"

    def add(_: int) -> None:
        with httpx.Client(base_url=plain.url, timeout=60) as client:
            done = False
            while not done:
                got = client.get(f"/{path}?alt=media")
                query = {
                    "uploadType": "media", "name": "number", "ifGenerationMatch": got.headers["x-goog-generation"],
                }  # fmt: skip
                content = str(int(got.text) + 1).encode()
                answer = client.post(f"/upload/storage/v1/b/{plain.bucket}/o", params=query, content=content)
                assert answer.status_code in {200, 412}
                done = answer.status_code == 200

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(add, range(64)))

    assert plain.call("GET", f"{path}?alt=media").text == "64"


class Counter(NamedTuple):
    """Where 16 clients count together: how to read the number and its etag, and how to write the next one."""

    read: Callable[[httpx.Client, Plain], tuple[int, str]]
    write: Callable[[httpx.Client, Plain, int, str], httpx.Response]


def endpoint_path(plain: Plain) -> str:
    return f"v1/{plain.location}/endpoints/counter"


def read_endpoint(client: httpx.Client, plain: Plain) -> tuple[int, str]:
    got = client.get(endpoint_path(plain)).json()
    return int(got.get("description", "0")), got["etag"]


def write_endpoint(client: httpx.Client, plain: Plain, number: int, etag: str) -> httpx.Response:
    body = {"description": str(number), "etag": etag}
    return client.patch(f"{endpoint_path(plain)}?updateMask=description", json=body)


def policy_path(plain: Plain) -> str:
    return f"storage/v1/b/{plain.bucket}/iam"


def read_policy(client: httpx.Client, plain: Plain) -> tuple[int, str]:
    got = client.get(policy_path(plain)).json()
    members = [item["members"] for item in got["bindings"] if item["role"] == "roles/storage.admin"]
    return len(members[0]) if members else 0, got["etag"]


def write_policy(client: httpx.Client, plain: Plain, number: int, etag: str) -> httpx.Response:
    members = [f"user:{index}@example.com" for index in range(number)]
    body = {"bindings": [{"role": "roles/storage.admin", "members": members}], "etag": etag}
    return client.put(policy_path(plain), json=body)


QUOTA = {"service": "aiplatform.googleapis.com", "quotaId": "CustomModelServingL4GPUsPerProjectPerRegion"}


def preference_path(plain: Plain) -> str:
    return f"v1/projects/{plain.project}/locations/global/quotaPreferences/counter"


def read_preference(client: httpx.Client, plain: Plain) -> tuple[int, str]:
    got = client.get(preference_path(plain)).json()
    return int(got["quotaConfig"]["preferredValue"]), got["etag"]


def write_preference(client: httpx.Client, plain: Plain, number: int, etag: str) -> httpx.Response:
    body = {"quotaConfig": {"preferredValue": str(number)}, "contactEmail": "a@example.com", "etag": etag}
    return client.patch(preference_path(plain), json=body)


COUNTERS = {
    "an endpoint": Counter(read_endpoint, write_endpoint),
    "an IAM policy": Counter(read_policy, write_policy),
    "a quota preference": Counter(read_preference, write_preference),
}


@pytest.mark.parametrize("what", COUNTERS)
def test_16_clients_that_change_one_resource_by_its_etag_lose_no_update(plain: Plain, what: str) -> None:
    counter = COUNTERS[what]
    plain.put("anchor", b"")
    plain.done(plain.vertex("POST", "/endpoints?endpointId=counter", {"displayName": "e"}))
    plain.ok(
        "POST",
        f"{preference_path(plain).rpartition('/')[0]}?quotaPreferenceId=counter",
        {**QUOTA, "dimensions": {"region": "us-central1"}, "quotaConfig": {"preferredValue": "0"}},
    )

    def add(_: int) -> None:
        with httpx.Client(base_url=plain.url, timeout=60) as client:
            done = False
            while not done:
                number, etag = counter.read(client, plain)
                answer = counter.write(client, plain, number + 1, etag)
                assert answer.status_code in {200, 409, 412}, answer.text
                done = answer.status_code == 200

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add, range(16)))

    with httpx.Client(base_url=plain.url) as client:
        assert counter.read(client, plain)[0] == 16


def test_the_tuning_quota_holds_for_64_clients_at_once(emulator: RunningEmulator, plain: Plain) -> None:
    emulator.admin.project(plain.project, tuning_quota=2)
    plain.rows()
    body = json.dumps(plain.job(spec={"hyperParameters": {"epochCount": "100"}}))

    def submit(_: int) -> Json:
        answer: Json = httpx.post(
            f"{plain.url}/v1beta1/{plain.location}/tuningJobs", content=body, timeout=60
        ).json()
        return answer

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(submit, range(64)))

    jobs = [answer for answer in answers if "name" in answer]
    for job in jobs:
        plain.ok("POST", f"v1beta1/{job['name']}:cancel", {})
        plain.ended(job)
    assert len(jobs) == 2
    assert {answer["error"]["code"] for answer in answers if "error" in answer} == {429}
