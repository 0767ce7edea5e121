"""`vertex-tuning predict --compare-base` against the embedded service: the tuned model beside its base."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.support.emulator import RunningEmulator
from tests.support.plain import BASE, Plain
from vertex_tuning.cli.app import app
from vertex_tuning.cli.predict import _compact

INSTRUCT = "meta/llama3_1@llama-3.1-8b-instruct"
MANAGED = "meta/llama-3.1-8b-instruct-maas"
QUESTION = "What is a module?"


@pytest.fixture(scope="module")
def plain(emulator: RunningEmulator) -> Plain:
    emulator.admin.project("p-compare", tuning_quota=2)
    return Plain(emulator.url, "p-compare")


def served(plain: Plain, base: str, folder: str) -> str:
    """The endpoint of a model that has learned to say one thing."""
    message = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "A part."}]
    plain.put("train.jsonl", b"\n".join([json.dumps({"messages": message}).encode()] * 32))
    body = plain.job(
        baseModel=base,
        outputUri=f"gs://{plain.bucket}/{folder}",
        spec={"hyperParameters": {"epochCount": "20"}},
    )
    job = plain.ended(plain.vertex("POST", "/tuningJobs", body))
    endpoint = plain.endpoint()
    plain.deploy(endpoint, job["tunedModel"]["model"], {"0": 100})
    return endpoint


@pytest.fixture(scope="module")
def endpoint(plain: Plain) -> str:
    return served(plain, INSTRUCT, "instruct")


def predict(plain: Plain, *arguments: str) -> Result:
    command = ["predict", *arguments, "-p", QUESTION, "--chat", "--max-tokens", "24"]
    return CliRunner().invoke(app, command, env={"VERTEX_TUNING_ENDPOINT": plain.url})


def managed_answer(plain: Plain) -> str:
    asked: dict[str, Any] = {
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": 24,
        "temperature": 0,
    }
    path = f"v1/{plain.location}/endpoints/openapi/chat/completions"
    said: str = plain.ok("POST", path, {"model": MANAGED, **asked})["choices"][0]["message"]["content"]
    return said


def test_both_answers_are_shown_under_their_models_names(plain: Plain, endpoint: str) -> None:
    ran = predict(plain, endpoint, "--compare-base")

    assert ran.exit_code == 0, ran.output
    tuned, _, base = ran.stdout.partition(f"base ({MANAGED})\n")
    assert tuned.startswith("tuned (projects/")
    assert tuned.endswith(")\nA part.\n")
    assert base == f"{_compact(managed_answer(plain))}\n"


def test_a_chat_s_answer_is_text_and_json_on_request(plain: Plain, endpoint: str) -> None:
    assert predict(plain, endpoint).stdout == "A part.\n"
    raw = json.loads(predict(plain, endpoint, "--json").stdout)
    assert raw["predictions"][0]["choices"][0]["message"]["content"] == "A part."


EMPTY_LINES = [
    ("one\n\ntwo\n", "one\n\ntwo", "a paragraph stays"),
    ("\n\none" + " \n" * 200 + "two", "one\n\ntwo", "what an untuned model fills its answer with"),
    ("    indented\n", "    indented", "code keeps its indentation"),
]


@pytest.mark.parametrize(("text", "shown", "why"), EMPTY_LINES, ids=[case[2] for case in EMPTY_LINES])
def test_empty_lines_of_an_answer_are_not_repeated(text: str, shown: str, why: str) -> None:
    assert _compact(text) == shown, why


def test_programs_get_both_as_json(plain: Plain, endpoint: str) -> None:
    found = json.loads(predict(plain, endpoint, "--compare-base", "--json").stdout)

    assert found["base"] == {"model": MANAGED, "text": managed_answer(plain)}
    assert found["tuned"]["predictions"][0]["choices"][0]["message"]["content"] == "A part."


def test_a_base_that_is_not_served_by_itself_is_said_to_be_so_and_another_can_be_named(plain: Plain) -> None:
    endpoint = served(plain, BASE, "plain")

    ran = predict(plain, endpoint, "--compare-base")
    named = predict(plain, endpoint, "--base", MANAGED)

    assert ran.exit_code == 1
    assert f"Google's pages name no managed model for {BASE}" in ran.stderr
    assert f"such as {MANAGED}" in ran.stderr
    assert "--base" in ran.stderr
    assert (named.exit_code, f"base ({MANAGED})" in named.stdout) == (0, True)


def test_a_managed_model_that_is_not_there_is_named(plain: Plain, endpoint: str) -> None:
    ran = predict(plain, endpoint, "--base", "meta/llama-9")

    assert (ran.exit_code, ran.stderr.splitlines()) == (
        1,
        ["error: meta/llama-9: Publisher model 'meta/llama-9' is not found."],
    )


def test_weights_that_no_tuning_has_written_have_no_base(plain: Plain, endpoint: str) -> None:
    """Someone has registered a copy of the weights."""
    names = plain.ok("GET", f"storage/v1/b/{plain.bucket}/o", params={"prefix": "instruct/"})["items"]
    for item in names:
        source = item["name"].replace("/", "%2F")
        target = item["name"].rpartition("/")[2]
        if "/final/" in item["name"]:
            plain.ok(
                "POST",
                f"storage/v1/b/{plain.bucket}/o/{source}/copyTo/b/{plain.bucket}/o/copy%2F{target}",
                {},
            )
    given = {
        "displayName": "copy",
        "artifactUri": f"gs://{plain.bucket}/copy",
        "containerSpec": {"imageUri": "i"},
    }
    model = plain.done(plain.vertex("POST", "/models:upload", {"model": given}))["model"]
    copied = plain.endpoint()
    plain.deploy(copied, model, {"0": 100})

    ran = predict(plain, copied, "--compare-base")

    assert ran.exit_code == 1
    assert f"no tuning job of {copied.split('/')[1]} has written the weights that answered" in ran.stderr
