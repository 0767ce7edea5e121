"""The command ``predict``: ask a served model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.markup import escape

from . import states, ui

if TYPE_CHECKING:
    from ..vertex import Connection
    from ..vertex.client import Answer
    from ..vertex.comparison import BaseAnswer


def predict(
    endpoint: states.Endpoint,
    prompt: Annotated[str, typer.Option("--prompt", "-p", help="The prompt; '-' reads standard input.")],
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")] = 200,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 always picks the most likely token.")] = 0.0,
    top_p: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="Sample from the most likely tokens with this total probability."
        ),
    ] = 1.0,
    top_k: Annotated[int, typer.Option(min=-1, help="Sample from so many tokens; -1 means all.")] = -1,
    *,
    stack: states.Stack = "",
    chat: Annotated[
        bool, typer.Option("--chat", help="Send the prompt as a chat message of the user.")
    ] = False,
    compare_base: Annotated[
        bool,
        typer.Option("--compare-base", help="Also ask the base model, as Vertex AI serves it."),
    ] = False,
    base: Annotated[
        str, typer.Option(help="Managed model to compare with, if Vertex AI does not serve the base.")
    ] = "",
    base_region: Annotated[
        str, typer.Option(help="Region of the base model. Default: the endpoint's region.")
    ] = "",
    json_output: ui.Json = False,
) -> None:
    """Ask a served model and print its answer."""
    from ..vertex import Connection, connect

    text = _asked(prompt)
    endpoint = states.endpoint_name(endpoint, stack)
    sampling = {"max_tokens": max_tokens, "temperature": temperature, "top_p": top_p, "top_k": top_k}
    instance: dict[str, object] = (
        {"@requestFormat": "chatCompletions", "messages": [{"role": "user", "content": text}], **sampling}
        if chat
        else {"prompt": text, "raw_response": True, **sampling}
    )
    connection = Connection.from_environment()
    with ui.asking(endpoint):
        answer = connect(connection).serving.ask(endpoint, [instance])
    if not (compare_base or base):
        if json_output:
            ui.show_json(answer)
            return
        for prediction in answer.predictions:
            typer.echo(_text(prediction))
        return
    if not json_output:
        ui.screen().print(
            f"[bold]tuned[/bold] ({escape(answer.model)})\n{escape(_compact(_text(answer.predictions[0])))}"
        )
    by_itself = _ask_base(
        connection,
        endpoint,
        answer,
        base,
        base_region,
        text,
        {key: value for key, value in sampling.items() if key != "top_k"},  # OpenAI's form has none
    )
    if json_output:
        ui.show_json({"tuned": answer, "base": by_itself})
    else:
        ui.screen().print(f"[bold]base[/bold] ({by_itself.model})\n{escape(_compact(by_itself.text))}")


def _asked(prompt: str) -> str:
    try:
        text = ui.standard_input().decode() if prompt == "-" else prompt
    except UnicodeDecodeError:
        raise typer.BadParameter("standard input is not UTF-8", param_hint="--prompt") from None
    if not text:
        raise typer.BadParameter("the prompt is empty", param_hint="--prompt")
    return text


def _ask_base(
    connection: Connection,
    endpoint: str,
    answer: Answer,
    base: str,
    region: str,
    text: str,
    sampling: dict[str, float],
) -> BaseAnswer:
    from ..catalog import managed_name
    from ..vertex.comparison import ask_managed, base_model

    _, project, _, here, *_ = endpoint.split("/")
    with ui.asking(endpoint):
        try:
            model = base or managed_name(base_model(connection, answer))
        except ValueError as error:
            ui.fail(f"{endpoint}: {error}, with --base")
    with ui.asking(model):
        return ask_managed(connection, project, region or here, model, text, sampling)


def _text(prediction: Any) -> str:
    """The text of an answer to a prompt or to a chat; an answer of another form as JSON."""
    if isinstance(prediction, str):
        return prediction
    try:
        return str(prediction["choices"][0]["message"]["content"])
    except (KeyError, IndexError, TypeError):
        return msgspec.json.encode(prediction).decode()


def _compact(text: str) -> str:
    """A text without empty lines around it, and with at most one empty line in a row inside."""
    return re.sub(r"(?:[ \t]*\n){3,}", "\n\n", text).strip("\n")


COMMAND = ui.Command(
    predict,
    examples=(
        'vertex-tuning predict projects/P/locations/R/endpoints/E -p "What is a car?"',
        'vertex-tuning predict tickets --stack search-dev -p "What is a car?"',
        "vertex-tuning predict projects/P/locations/R/endpoints/E --chat --json -p - < question.txt",
        'vertex-tuning predict projects/P/locations/R/endpoints/E -p "What is a car?" --compare-base',
    ),
    exits={ui.Exit.OK: "answered", ui.Exit.FAILED: "Google refused or did not answer"},
)
