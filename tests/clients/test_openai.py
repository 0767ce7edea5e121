"""OpenAI's own client on managed models and on a deployed one, as Google's page on chat completions uses it."""

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from tests.support.plain import Plain

MANAGED = "meta/llama-3.1-8b-instruct-maas"
MESSAGES: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What is a module?"},
]


def client(plain: Plain, endpoint: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{plain.url}/v1/{endpoint}", api_key="unused", max_retries=0)


def ask(openai_client: openai.OpenAI, model: str = MANAGED) -> ChatCompletion:
    return openai_client.chat.completions.create(model=model, messages=MESSAGES, max_tokens=16, temperature=0)


def test_a_managed_model_answers(plain: Plain) -> None:
    answer = ask(client(plain, f"{plain.location}/endpoints/openapi"))

    assert answer.model == MANAGED
    assert answer.choices[0].message.role == "assistant"
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= 16


def test_a_stream_adds_up_to_the_whole_answer(plain: Plain) -> None:
    openai_client = client(plain, f"{plain.location}/endpoints/openapi")
    whole = ask(openai_client)

    chunks = list(
        openai_client.chat.completions.create(
            model=MANAGED, messages=MESSAGES, max_tokens=16, temperature=0, stream=True
        )
    )

    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert said == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == whole.choices[0].finish_reason
    assert chunks[-1].usage == whole.usage


def test_a_deployed_model_answers_in_the_same_way(plain: Plain) -> None:
    job = plain.ended(plain.tune())
    endpoint = plain.endpoint()
    plain.deploy(endpoint, job["tunedModel"]["model"], {"0": 100})

    answer = ask(client(plain, endpoint), model="")

    assert answer.choices[0].finish_reason in {"stop", "length"}


def test_refusals_are_the_clients_own_errors(plain: Plain) -> None:
    openai_client = client(plain, f"{plain.location}/endpoints/openapi")

    with pytest.raises(openai.NotFoundError, match="meta/llama-9"):
        ask(openai_client, model="meta/llama-9")
    with pytest.raises(openai.APIStatusError, match="gpt-oss-20b-maas") as refused:
        ask(openai_client, model="openai/gpt-oss-20b-maas")
    assert refused.value.status_code == 501
