"""The server as a process: what it costs, whom it lets in, how it ends."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.emulator import RunningEmulator, start_emulator
from tests.support.plain import Plain
from vertex_emulator.settings import MAX_UPLOADS


def serve(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vertex_emulator.cli", "serve", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_an_idle_server_is_small_and_has_not_loaded_jax(data: Path) -> None:
    running = start_emulator(data)
    try:
        httpx.get(f"{running.url}/emulator/health")
        pages = int(Path(f"/proc/{running.pid}/statm").read_text().split()[1])
        mapped = Path(f"/proc/{running.pid}/maps").read_text()

        assert pages * os.sysconf("SC_PAGE_SIZE") / 2**20 <= 300
        assert "jaxlib" not in mapped
        assert "grpc" not in mapped, "Google's messages are loaded without Google's clients"
    finally:
        running.stop()


def test_serving_a_tuned_model_does_not_load_jax_either(emulator: RunningEmulator, plain: Plain) -> None:
    job = plain.ended(plain.tune())
    endpoint = plain.endpoint()
    plain.deploy(endpoint, job["tunedModel"]["model"], {"0": 100})
    plain.ok("POST", f"v1/{endpoint}:predict", {"instances": [{"prompt": "a", "max_tokens": 1}]})

    assert "jaxlib" not in Path(f"/proc/{emulator.pid}/maps").read_text()


def test_google_clients_can_be_imported_beside_the_emulators_messages() -> None:
    """The emulator borrows the message modules of Google's packages; the packages must stay whole."""
    script = (
        "from vertex_emulator.wire.proto import Version, message_class\n"
        "message_class(Version.V1BETA1, 'TuningJob')\n"
        "from google.cloud import aiplatform_v1beta1\n"
        "assert aiplatform_v1beta1.TuningJob.pb() is message_class(Version.V1BETA1, 'TuningJob')\n"
        "aiplatform_v1beta1.GenAiTuningServiceClient\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=60)


def test_the_ready_file_names_the_address_and_the_process(data: Path) -> None:
    running = start_emulator(data)
    try:
        told = json.loads((data / "ready.json").read_text())
        assert told == {"url": running.url, "dedicated": running.dedicated, "pid": running.process.pid}
        assert running.log.read_text().splitlines() == [
            f"The embedded Vertex AI listens on {running.url}, for dedicated endpoints on {running.dedicated}"
        ]
    finally:
        running.stop()


def test_sigterm_ends_it_soon_though_a_client_hangs_on(data: Path) -> None:
    running = start_emulator(data)
    plain = Plain(running.url, "p")
    running.admin.fault("models", "hang", seconds=60)
    command = [sys.executable, "-c", f"import httpx; httpx.get('{running.url}/v1/{plain.location}/models')"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as client:
        while not running.admin.faults()[0]["matched"]:
            time.sleep(0.02)

        started = time.monotonic()
        running.stop()
        took = time.monotonic() - started
        client.kill()

    assert took < 4


def test_one_data_folder_has_one_server(data: Path) -> None:
    running = start_emulator(data)
    try:
        second = serve("--data", str(data), "--port", "0")
        assert (second.returncode, "Another server" in second.stderr) == (2, True)
    finally:
        running.stop()


def test_a_folder_of_somebody_elses_is_not_taken_for_a_data_folder(tmp_path: Path) -> None:
    precious = tmp_path / "buckets" / "precious"
    precious.mkdir(parents=True)

    refused = serve("--data", str(tmp_path), "--port", "0")

    assert (refused.returncode, precious.exists()) == (2, True)


REFUSED = [
    (["--data", "{data}", "--prot", "0"], "No such option: --prot", "a misspelt option"),
    ([], "Missing option '--data'", "it keeps nothing where nobody said so"),
    (["--data", "{file}"], "is no folder to write to", "a file is no data folder"),
    (["--data", "{data}", "--host", "0.0.0.0"], "give a --token-file", "others would reach it"),  # noqa: S104
    (["--data", "{data}", "--token-file", "{file}"], "is empty", "no token lets nobody in"),
    (
        ["--data", "{data}", "--host", "192.0.2.1", "--token-file", "{token}"],
        "cannot be listened on",
        "not its own",
    ),
]


@pytest.mark.parametrize(("args", "told", "why"), REFUSED, ids=[case[2] for case in REFUSED])
def test_a_wrong_command_line_is_told_in_one_line(
    tmp_path: Path, args: list[str], told: str, why: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "token").write_text("sesame")
    places = {name: tmp_path / name for name in ("data", "file", "token")}
    refused = serve(*(arg.format_map(places) for arg in args))
    assert (refused.returncode, refused.stdout) == (2, ""), why
    assert [told in line for line in refused.stderr.splitlines()] == [True], refused.stderr
    assert "sesame" not in refused.stderr


FOREIGN: dict[str, tuple[dict[str, str], int]] = {
    "plain text, which any page may send": ({"content-type": "text/plain"}, 400),
    "a form": ({"content-type": "application/x-www-form-urlencoded"}, 400),
    "a name of a page's own that leads here": ({"content-type": "application/json", "host": "page.example"}, 403),
    "JSON under this machine's name": ({"content-type": "application/json", "host": "localhost:1"}, 200),
    "JSON under its address": ({"content-type": "application/json; charset=utf-8", "host": "[::1]:1"}, 200),
}  # fmt: skip


@pytest.mark.parametrize("reason", FOREIGN)
def test_without_a_token_no_web_page_reaches_the_emulators_own_surface(
    emulator: RunningEmulator, reason: str
) -> None:
    headers, status = FOREIGN[reason]

    answer = httpx.post(f"{emulator.url}/emulator/faults", content=b'{"rules": []}', headers=headers)

    assert answer.status_code == status, answer.text


def test_a_token_file_that_cannot_be_read_is_said_in_one_line(data: Path, tmp_path: Path) -> None:
    refused = serve("--data", str(data), "--token-file", str(tmp_path / "none"))

    assert (refused.returncode, "Traceback" in refused.stderr) == (2, False)
    assert "No such file" in refused.stderr


@pytest.mark.parametrize(
    ("header", "status"),
    [(None, 401), ("Bearer wrong", 401), ("Basic secret", 401), ("Bearer secret", 200)],
)
def test_with_a_token_every_request_must_carry_it(
    guarded: RunningEmulator, header: str | None, status: int
) -> None:
    headers = {"authorization": header} if header else {}

    for path in ("v1/projects/p/locations/us-central1/models", "storage/v1/b?project=p", "emulator/requests"):
        assert httpx.get(f"{guarded.url}/{path}", headers=headers).status_code == status


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "token").write_text("secret\n")
    running = start_emulator(folder / "data", "--token-file", str(folder / "token"))
    yield running
    running.stop()


def test_uploads_under_way_are_bounded(data: Path) -> None:
    running = start_emulator(data)
    try:
        with httpx.Client(base_url=running.url) as client:
            client.post("/storage/v1/b", params={"project": "p"}, json={"name": "bucket"})

            def begun() -> httpx.Response:
                return client.post(
                    "/upload/storage/v1/b/bucket/o", params={"uploadType": "resumable", "name": "a"}
                )

            answers = [begun() for _ in range(MAX_UPLOADS)]
            assert {answer.status_code for answer in answers} == {200}
            assert begun().json()["error"]["errors"][0]["reason"] == "rateLimitExceeded"
            assert client.put(answers[0].headers["location"], content=b"whole").status_code == 200
            assert begun().status_code == 200, "one of them is complete"
    finally:
        running.stop()
