"""What a chat completion request says has its effect, or is refused by name."""

from typing import Any

import pytest

from vertex_emulator import prediction
from vertex_emulator.wire.errors import ApiError

Json = dict[str, Any]
INVALID_ARGUMENT, UNIMPLEMENTED = 3, 12
CHAT: Json = {"messages": [{"role": "user", "content": "What?"}]}


def test_content_may_come_in_parts_of_text() -> None:
    parts = [{"type": "text", "text": "Wh"}, {"type": "text", "text": "at?"}]

    found = prediction.chat({"messages": [{"role": "user", "content": parts}]})

    assert found.turns == prediction.chat(CHAT).turns


def test_the_newer_name_of_max_tokens_counts() -> None:
    found = prediction.chat({**CHAT, "max_tokens": 9, "max_completion_tokens": 4})

    assert found.sampling["max_tokens"] == 4


UNSERVED: Json = {
    "n": 2,
    "logprobs": True,
    "top_logprobs": 3,
    "tools": [{"type": "function"}],
    "tool_choice": "required",
    "response_format": {"type": "json_object"},
    "presence_penalty": 0.5,
    "frequency_penalty": -1,
    "repetition_penalty": 1.2,
    "logit_bias": {"5": 1},
    "modalities": ["audio"],
    "guided_choice": ["yes", "no"],
    "guided_json": {"type": "object"},
    "guided_regex": "a+",
    "structured_outputs": {"choice": ["yes", "no"]},
    "min_tokens": 3,
    "ignore_eos": True,
    "bad_words": ["no"],
    "use_beam_search": True,
    "echo": True,
    "chat_template": "{{ messages }}",
    "add_generation_prompt": False,
    "continue_final_message": True,
}


@pytest.mark.parametrize("name", UNSERVED)
@pytest.mark.parametrize("where", ["chat", "an instance"])
def test_what_would_change_the_answer_elsewhere_is_refused_by_name(name: str, where: str) -> None:
    question = {**CHAT, "@requestFormat": prediction.CHAT_FORMAT} if where == "chat" else {"prompt": "What?"}

    with pytest.raises(ApiError) as refused:
        prediction.asked(question, {name: UNSERVED[name]})

    assert (refused.value.code, name in refused.value.message) == (UNIMPLEMENTED, True)


def test_what_asks_for_nothing_may_be_said() -> None:
    nothing: Json = {
        "n": 1.0, "logprobs": False, "tools": [], "tool_choice": "none", "response_format": {"type": "text"},
        "presence_penalty": 0, "frequency_penalty": 0.0, "logit_bias": {}, "stop": None, "user": "me",
    }  # fmt: skip

    assert prediction.chat({**CHAT, **nothing}).turns == prediction.chat(CHAT).turns


MALFORMED: dict[str, Any] = {
    "a picture": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
    "no content": [{"role": "user"}],
    "no role": [{"content": "x"}],
    "no list": "What?",
    "nothing": [],
}


@pytest.mark.parametrize("reason", MALFORMED)
def test_malformed_messages_are_refused(reason: str) -> None:
    with pytest.raises(ApiError) as refused:
        prediction.chat({"messages": MALFORMED[reason]})

    assert refused.value.code == INVALID_ARGUMENT
