"""The stack ``demo-local`` on this machine: start the embedded Vertex AI, run Pulumi, ask the model.

    python tools/rehearsal.py up | preview | refresh | destroy | stop

Run by the Makefile with the virtual environment and the engine first on PATH.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vertex_tuning.engine import Engine

ROOT = Path(__file__).resolve().parent.parent
RUN = Path(os.environ.get("REHEARSAL_FOLDER") or ROOT / ".run")
STACK = "demo-local"
READY = RUN / "emulator.json"
# The base model takes half a minute to make: once a user, not once a clone.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pulumi-vertex-tuning" / "emulator"
BUCKET = "demo-local-tuning"
QUESTION = "Ticket: Hello, my card was charged twice.\nTeam:"
START_SECONDS = 120
# The state is on this machine only and holds no secret; Pulumi still wants a passphrase, and keeps
# its salt in the stack file, where it is committed so that no run changes a file under version control.
PASSPHRASE = "rehearsal"  # noqa: S105 - guards nothing
NOTHING_FETCHED = {
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    # `pulumi-gcp` is installed and its plugin is a large download: `manage` alone needs it.
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
}
"""The engine's switches here and in the tests, which have a stand-in for that plugin."""


def say(text: str) -> None:
    print(f"\n{text}" if not text.startswith(" ") else text, flush=True)


def running() -> dict[str, Any] | None:
    """Where the embedded service listens, if the process that wrote so is alive."""
    try:
        found: dict[str, Any] = json.loads(READY.read_text())
        command = Path(f"/proc/{found['pid']}/cmdline")
        os.kill(found["pid"], 0)
        if command.exists() and b"vertex-emulator" not in command.read_bytes():
            return None
    except (OSError, ValueError, KeyError):
        return None
    return found


def start() -> dict[str, Any]:
    """Start the embedded service on a free loopback port, unless it runs already; its bucket is there."""
    found = running() or started()
    make_bucket(found)
    return found


def started() -> dict[str, Any]:
    """A service of our own, once it listens."""
    RUN.mkdir(parents=True, exist_ok=True)
    READY.unlink(missing_ok=True)
    log = (RUN / "emulator.log").open("a")
    where = ("--host", "127.0.0.1", "--port", "0", "--data", RUN / "emulator")
    process = subprocess.Popen(
        ["vertex-emulator", "serve", *where, "--ready-file", READY, "--cache", CACHE],
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = time.monotonic() + START_SECONDS
    while (found := running()) is None:
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"the embedded Vertex AI did not start; see {log.name}")
        time.sleep(0.1)
    print(f"embedded Vertex AI: {found['url']} (data in {RUN / 'emulator'}, log in {log.name})")
    return found


def stop() -> None:
    found = running()
    if found is None:
        return
    os.kill(found["pid"], signal.SIGTERM)
    end = time.monotonic() + 10
    while running() is not None and time.monotonic() < end:
        time.sleep(0.05)
    READY.unlink(missing_ok=True)
    print("embedded Vertex AI: stopped")


def state_in(folder: Path) -> str:
    """The backend that keeps its state in a folder, and no attributes beside each file.

    The engine writes those in place: a kill in between leaves them empty, and then the state cannot be read.
    """
    return f"{folder.as_uri()}?metadata=skip"


def added(url: str) -> dict[str, str]:
    """What turns a shell's environment into the demo's."""
    state = RUN / "state"
    state.mkdir(parents=True, exist_ok=True)
    return {
        "VERTEX_TUNING_ENDPOINT": url,
        "PULUMI_BACKEND_URL": state_in(state),
        "PULUMI_HOME": str(RUN / "pulumi"),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        **NOTHING_FETCHED,
    }


def selected(url: str) -> Engine:
    """The engine in the repository, with the demo's stack."""
    from vertex_tuning.engine import Engine

    engine = Engine(ROOT, added(url))
    engine.read(STACK, "stack", "select", "--create")
    return engine


def make_bucket(found: dict[str, Any]) -> None:
    """The one prerequisite that a project brings along: ``verify`` checks for it and makes nothing.

    Made each time: a start that was interrupted may have left none.
    """
    import httpx  # not at the top: `stop` has to work in an environment that was left half made

    url, bucket = found["url"], {"name": BUCKET, "location": "us-central1"}
    try:
        answer = httpx.post(f"{url}/storage/v1/b?project={STACK}", json=bucket, timeout=30, trust_env=False)
    except httpx.HTTPError as error:
        sys.exit(
            f"the embedded Vertex AI at {url} does not answer ({error}); "
            f"end its process {found['pid']} and run this again"
        )
    if answer.status_code not in (200, 409):  # 409: it is there
        sys.exit(f"the bucket {BUCKET} cannot be made: {answer.text}")


def up() -> None:
    found = start()
    engine = selected(found["url"])
    if code := engine.up(STACK).code:
        sys.exit(code)
    history = json.loads(engine.read(STACK, "stack", "history", "--json", "--page-size", "1"))
    made = history[0].get("resourceChanges") or {}
    changed = sum(count for operation, count in made.items() if operation != "same")
    say("Nothing changed." if not changed else f"{changed} resources changed.")
    if served := next((each for each in engine.outputs(STACK).values() if each["endpoint"]), None):
        ask({**os.environ, **engine.environment}, served)
    else:
        say("Nothing is served, so nothing was asked.")
    say(
        "Next: edit stacks/Pulumi.demo-local.yaml (say, epochs) and look at it with `make preview`;\n"
        "      `make up` again applies it, `make destroy` takes everything down but the weights."
    )


def ask(env: dict[str, str], served: dict[str, Any]) -> None:
    answer = subprocess.run(
        ["vertex-tuning", "predict", served["endpoint"], "--prompt", QUESTION, "--max-tokens", "8"],
        env=env,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    ).stdout.strip()
    say(f"Asked:    {QUESTION!r}")
    say(f" Answer:   {answer}")
    say(f" Endpoint: {served['endpoint']}")
    say(f" Address:  {served['address']}")
    say(f" Weights:  {served['artifacts_uri']}")


def run(*arguments: str) -> None:
    """Run a command of the engine whose output the user reads."""
    if code := selected(start()["url"]).run(STACK, *arguments):
        sys.exit(code)


def destroy() -> None:
    run("destroy", "--yes", "--parallel", "64")
    stop()


def exports() -> None:
    """What a shell takes to run `vertex-tuning` and `pulumi` on the demo."""
    environment = selected(start()["url"]).environment
    for name, value in {**environment, "PATH": os.environ["PATH"]}.items():
        print(f"export {name}={shlex.quote(value)}")


COMMANDS: dict[str, Callable[[], None]] = {
    "up": up,
    "preview": partial(run, "preview"),
    "refresh": partial(run, "refresh", "--yes"),
    "destroy": destroy,
    "env": exports,
    "stop": stop,
}


def main(command: str) -> None:
    if command == "stop":  # works in an environment that was left half made
        return stop()
    from vertex_tuning.engine import EngineFailed, Stopped, stoppable

    try:
        with stoppable():
            return COMMANDS[command]()
    except EngineFailed as error:
        sys.exit(str(error))
    except Stopped:
        sys.exit(130)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit(f"usage: rehearsal.py {'|'.join(COMMANDS)}")
    main(sys.argv[1])
