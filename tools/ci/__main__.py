"""The commands of the workflows, in the project's folder.

python -m tools.ci COMMAND --help
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from vertex_tuning.stack import Target
from vertex_tuning.stack.files import BadFile

from . import texts
from .changes import Kind, changes, unsettled
from .engine import Engine, EngineFailed, apart
from .github import GitHub, GitHubError, pull_request
from .project import UnknownRevision, changed_since, stacks
from .review import reviewed

ROOT = Path.cwd()
DRIFT_LABEL = "drift"

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)
Since = Annotated[
    str, typer.Option(help="Only stacks that a change since this revision touches; all when left empty.")
]
StackName = Annotated[str, typer.Argument(help="A stack, such as search-dev.")]


@app.command("stacks")
def list_stacks(
    since: Since = "",
    target: Annotated[Target, typer.Option(help="Rehearsals are for one's own machine.")] = Target.GOOGLE,
    *,
    only_unsettled: Annotated[
        bool, typer.Option("--unsettled", help="Only those that are still on their way.")
    ] = False,
) -> None:
    """Print stacks as a JSON list, and give it to the workflow as the output `stacks`."""
    names = _names(target, since)
    if only_unsettled:
        engine = Engine(ROOT)
        names = [name for name in names if engine.exists(name) and unsettled(engine.outputs(name))]
    text = msgspec.json.encode(names).decode()
    _tell("GITHUB_OUTPUT", f"stacks={text}\n")
    typer.echo(text)


@app.command()
def offline(since: Since = "") -> None:
    """Check stack files and data, and estimate what a first `up` would do, without any credentials.

    For pull requests of strangers: no backend, no cloud, no secrets.
    """
    failed = False
    with apart(ROOT) as engine:
        for name in _names(Target.GOOGLE, since):
            try:
                engine.run(name, "stack", "init")
                found = engine.preview(name, refresh=False)
                listed = texts.preview(name, changes(found), note="As if nothing were there yet.")
                text = reviewed(found, listed, engine.folder)
            except EngineFailed as error:
                failed, text = True, texts.failure(name, str(error))
            _tell("GITHUB_STEP_SUMMARY", text)
            typer.echo(text)
    raise typer.Exit(int(failed))


@app.command()
def preview(name: StackName) -> None:
    """Preview a stack and say so in one comment of the pull request, always the same."""
    engine = Engine(ROOT)
    failed = False
    try:
        if engine.exists(name):
            found = engine.preview(name, refresh=True)
            text = reviewed(found, texts.preview(name, changes(found)), ROOT)
        else:
            text = texts.new(name)
    except EngineFailed as error:
        failed, text = True, texts.failure(name, str(error))
    _tell("GITHUB_STEP_SUMMARY", text)
    with GitHub.from_environment() as github:
        where = github.comment(pull_request(), f"vertex-tuning preview {name}", f"{text}\n{texts.run_link()}")
    typer.echo(f"{text}\n{where}")
    raise typer.Exit(int(failed))


@app.command()
def up(name: StackName) -> None:
    """Bring a stack to what its files say, and tell what is still on its way."""
    engine = Engine(ROOT)
    if not engine.exists(name):
        _fail(f"there is no stack {name} yet; make it once: pulumi stack init {name}")
    status = engine.shown(name, "up", "--yes", "--skip-preview", "--parallel", "64")
    left = unsettled(engine.outputs(name))
    told = f"on their way: {', '.join(left)}; the workflow `settle` goes on" if left else "settled"
    _tell("GITHUB_STEP_SUMMARY", f"### `{name}`: {'failed' if status else told}\n")
    raise typer.Exit(status)


@app.command()
def settle(name: StackName) -> None:
    """Move what is under way in a stack one step on, and nothing else.

    An edit that waits for its approval, or drift that nobody has looked at, is left alone.
    """
    engine = Engine(ROOT)
    found = changes(engine.preview(name, refresh=True))
    other = [change.resource for change in found if change.kind is not Kind.PROGRESS]
    if other:
        typer.echo(f"::notice::{name}: left alone, an `up` would also change {', '.join(other)}")
        return
    if not found:
        typer.echo(f"{name}: nothing can move on yet")
        return
    up(name)


@app.command()
def drift(name: StackName) -> None:
    """Look whether somebody changed what a stack made: one open issue while it is so, closed after it.

    Work under way is no drift, and neither is an edit that no `up` has brought about yet.
    """
    engine = Engine(ROOT)
    mark = f"vertex-tuning drift {name}"
    if not engine.exists(name):
        typer.echo(f"{name}: there is no such stack yet")
        return
    found = [each for each in changes(engine.preview(name, refresh=True)) if each.kind is Kind.DRIFT]
    with GitHub.from_environment() as github:
        if not found:
            closed = github.close_issue(
                mark, DRIFT_LABEL, f"`{name}` is as Pulumi left it. {texts.run_link()}"
            )
            typer.echo(f"{name}: no drift" + (f"; closed {closed}" if closed else ""))
            return
        text = "\n\n".join(
            [
                f"What `{name}` made is no longer as Pulumi left it:",
                texts.table(found),
                texts.MEND_DRIFT.format(stack=name),
            ]
        )
        typer.echo(f"{name}: drift; {github.open_issue(mark, DRIFT_LABEL, f'Drift in {name}', text)}")


def _names(target: Target, since: str) -> list[str]:
    found = stacks(ROOT, target)
    # Before a branch's first push, GitHub names a revision of noughts.
    if since.strip("0"):
        changed = changed_since(ROOT, since)
        found = [stack for stack in found if stack.touched_by(changed)]
    return [stack.name for stack in found]


def _tell(variable: str, text: str) -> None:
    """Write to one of the files that a runner reads, where there is a runner."""
    if path := os.environ.get(variable):
        with Path(path).open("a") as file:
            file.write(text)


def _fail(text: str) -> None:
    typer.echo(f"error: {text}", err=True)
    raise typer.Exit(1)


def main() -> None:
    """Run a command; what it cannot do is one line."""
    try:
        app(prog_name="python -m tools.ci")
    except (EngineFailed, GitHubError, BadFile, UnknownRevision) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
