"""Base models by themselves, in OpenAI's form: what a tuned model's answers are compared with."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.emulator import RunningEmulator
from tests.support.plain import Plain

Json = dict[str, Any]
MANAGED = "meta/llama-3.1-8b-instruct-maas"


def path(plain: Plain, version: str = "v1") -> str:
    return f"{version}/{plain.location}/endpoints/openapi/chat/completions"


def question(**changes: Any) -> Json:
    asked = {
        "model": MANAGED,
        "messages": [{"role": "user", "content": "What is a module?"}],
        "max_tokens": 24,
        "temperature": 0,
        **changes,
    }
    return {key: value for key, value in asked.items() if value is not None}


def streamed(url: str, body: Json) -> list[str]:
    """The data of every event."""
    with httpx.stream("POST", url, json={**body, "stream": True}, timeout=120) as response:
        assert response.headers["content-type"].startswith("text/event-stream"), response.read()
        return [line.removeprefix("data: ") for line in response.iter_lines() if line]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_the_base_model_answers_under_its_managed_name(plain: Plain, version: str) -> None:
    answer = plain.ok("POST", path(plain, version), question())

    (choice,) = answer["choices"]
    assert (answer["object"], answer["model"]) == ("chat.completion", MANAGED)
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"]
    assert answer["usage"]["total_tokens"] == (
        answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]
    )
    assert plain.ok("POST", path(plain, version), question())["choices"] == answer["choices"]


def test_a_stream_says_the_same_in_pieces_and_counts_at_the_end(plain: Plain) -> None:
    whole = plain.ok("POST", path(plain), question())

    *events, last = streamed(f"{plain.url}/{path(plain)}", question())

    chunks = [json.loads(event) for event in events]
    assert last == "[DONE]"
    assert len(chunks) > 2
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0]["role"] == "assistant"
    assert "".join(delta.get("content", "") for delta in deltas) == whole["choices"][0]["message"]["content"]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert chunks[-1]["usage"] == whole["usage"]


BAD_QUESTIONS: dict[str, tuple[Json, int, str]] = {
    "no model": (question(model=None), 400, "model"),
    "a model that does not exist": (question(model="meta/llama-9"), 404, "meta/llama-9"),
    "a managed model whose weights are not here": (
        question(model="qwen/qwen3-235b-a22b-instruct-2507-maas"), 501, "qwen3-235b",
    ),
    "no messages": (question(messages=[]), 400, "messages"),
    "a role that nobody has": (question(messages=[{"role": "king", "content": "x"}]), 400, "king"),
    "a temperature below nought": (question(temperature=-1), 400, "temperature"),
    "a prompt beyond the model's context": (
        question(messages=[{"role": "user", "content": "7" * 5000}]), 400, "context",
    ),
    "a stream that is neither wanted nor not": (question(stream="yes"), 400, "stream"),
}  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("reason", BAD_QUESTIONS)
def test_a_bad_question_is_refused_before_anything_is_said(plain: Plain, reason: str, stream: bool) -> None:  # noqa: FBT001
    body, status, word = BAD_QUESTIONS[reason]
    body = {"stream": stream, **body}

    got, _, message = plain.refused("POST", path(plain), body)

    assert (got, word in message) == (status, True), message


def test_a_tuned_model_says_something_else_than_its_base(plain: Plain) -> None:
    """Base and tuned model are asked in the same way: what differs is what the tuning has changed."""
    rows = [{"messages": [
        {"role": "user", "content": "What is a module?"}, {"role": "assistant", "content": "A part."},
    ]}] * 32  # fmt: skip
    plain.put("train.jsonl", "\n".join(json.dumps(row) for row in rows).encode())
    job = plain.ended(
        plain.vertex("POST", "/tuningJobs", plain.job(spec={"hyperParameters": {"epochCount": "20"}}))
    )
    endpoint = plain.endpoint()
    plain.deploy(endpoint, job["tunedModel"]["model"], {"0": 100})

    base = plain.ok("POST", path(plain), question())
    tuned = plain.ok("POST", f"v1/{endpoint}/chat/completions", question(model=""))
    pieces = streamed(f"{plain.url}/v1/{endpoint}/chat/completions", question(model=""))

    said = tuned["choices"][0]["message"]["content"]
    assert said == "A part."
    assert said != base["choices"][0]["message"]["content"]
    assert (
        "".join(json.loads(piece)["choices"][0]["delta"].get("content", "") for piece in pieces[:-1]) == said
    )


def test_predictions_are_timed_on_the_emulators_own_surface_only(
    emulator: RunningEmulator, plain: Plain
) -> None:
    before = emulator.admin.call("GET", "predictions")
    answer = plain.ok("POST", path(plain), question(max_tokens=5))
    after = emulator.admin.call("GET", "predictions")

    assert after["predictions"] == before["predictions"] + 1
    assert after["answer_tokens"] - before["answer_tokens"] == answer["usage"]["completion_tokens"]
    assert after["seconds_per_answer_token"] > 0
    assert set(answer) == {"id", "object", "created", "model", "choices", "usage"}


def test_the_base_model_is_served_without_jax(emulator: RunningEmulator, plain: Plain) -> None:
    plain.ok("POST", path(plain), question(max_tokens=1))

    assert "jaxlib" not in Path(f"/proc/{emulator.pid}/maps").read_text()
