"""The commands of the workflows, in the project's folder.

python -m tools.ci COMMAND --help
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from vertex_tuning.cli.ui import Commands, Exit
from vertex_tuning.engine import Engine, EngineFailed, Stopped, stoppable, unsettled
from vertex_tuning.stack import Target
from vertex_tuning.stack.files import BadFile
from vertex_tuning.stack.layers import FOLDER

from . import keeping, texts
from .changes import changes
from .github import GitHub, GitHubError, pull_request
from .keeping import StackName
from .project import UnknownRevision, apart, changed_since, stacks
from .review import reviewed
from .runner import ROOT, fail, say, tell

COMMENT = "vertex-tuning preview"

app = typer.Typer(
    name="tools.ci", cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)
Since = Annotated[
    str, typer.Option(help="Only stacks that a change since this revision touches; all when left empty.")
]


@app.command("stacks")
def list_stacks(
    since: Since = "",
    target: Annotated[Target, typer.Option(help="Rehearsals are for one's own machine.")] = Target.GOOGLE,
    only: Annotated[str, typer.Option(help="Only this stack, whatever a change touches.")] = "",
    *,
    only_unsettled: Annotated[
        bool, typer.Option("--unsettled", help="Only those that are still on their way.")
    ] = False,
) -> None:
    """Print stacks as a JSON list, and give it to the workflow as the output `stacks`."""
    names = _names(target, "" if only else since)
    if only:
        if only not in names:
            fail(f"there is no stack {only} in {FOLDER}/; there is {', '.join(names)}")
        names = [only]
    if only_unsettled:
        engine = Engine(ROOT)
        names = [name for name in names if engine.exists(name) and unsettled(engine.outputs(name))]
    text = msgspec.json.encode(names).decode()
    tell("GITHUB_OUTPUT", f"stacks={text}\n")
    say(text)


@app.command()
def offline(since: Since = "") -> None:
    """Check stack files and data, and estimate what a first `up` would do, without any credentials.

    For pull requests of strangers: no backend, no cloud, no secrets.
    """
    failed = False
    with apart(ROOT) as engine:
        for name in _names(Target.GOOGLE, since):
            try:
                engine.read(name, "stack", "init")
                found = engine.preview(name, refresh=False)
                listed = texts.preview(name, changes(found), note="As if nothing were there yet.")
                text = reviewed(found, listed, engine.folder)
            except EngineFailed as error:
                failed, text = True, texts.failure(name, str(error))
            tell("GITHUB_STEP_SUMMARY", text)
            say(text)
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
    tell("GITHUB_STEP_SUMMARY", text)
    with GitHub.from_environment() as github:
        where = github.comment(pull_request(), f"{COMMENT} {name}", f"{text}\n{texts.run_link()}")
    say(f"{text}\n{where}")
    raise typer.Exit(int(failed))


@app.command()
def tidy(since: Since = "") -> None:
    """Say in a pull request's comments on stacks that it no longer touches that it does not."""
    touched = {f"{COMMENT} {name}" for name in _names(Target.GOOGLE, since)}
    with GitHub.from_environment() as github:
        for mark in github.marks(pull_request(), COMMENT):
            if mark not in touched:
                name = mark.removeprefix(f"{COMMENT} ")
                github.comment(pull_request(), mark, texts.untouched(name))
                say(f"{name}: no longer touched")


app.command()(keeping.up)
app.command()(keeping.settle)
app.command()(keeping.drift)


def _names(target: Target, since: str) -> list[str]:
    found = stacks(ROOT, target)
    # Before a branch's first push, GitHub names a revision of noughts.
    if since.strip("0"):
        changed = changed_since(ROOT, since)
        found = [stack for stack in found if stack.touched_by(changed)]
    return [stack.name for stack in found]


def main() -> None:
    """Run a command; what it cannot do is one line."""
    try:
        with stoppable():
            app(prog_name="python -m tools.ci")
    except Stopped:
        raise SystemExit(Exit.INTERRUPTED) from None
    except (EngineFailed, GitHubError, BadFile, UnknownRevision) as error:
        # The engine's own text begins so already.
        say(f"error: {str(error).removeprefix('error: ')}", error=True)
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
