"""Prediction instances in the forms that Vertex AI's vLLM container takes, and its answers."""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from vertex_emulator.wire.errors import invalid, unimplemented

if TYPE_CHECKING:
    from vertex_emulator.serving.model import Completion, Generation, ServedModel

Json = dict[str, Any]
CHAT_FORMAT = "chatCompletions"
_WITHOUT_EFFECT: dict[str, tuple[object, ...]] = {
    "add_generation_prompt": (True,),
    "allowed_token_ids": ([],),
    "audio": (),
    "bad_words": ([],),
    "best_of": (1,),
    "chat_template": (),
    "chat_template_kwargs": ({},),
    "continue_final_message": (False,),
    "documents": ([],),
    "early_stopping": (False,),
    "echo": (False,),
    "frequency_penalty": (0,),
    "function_call": ("none",),
    "functions": ([],),
    "guided_choice": ([],),
    "guided_grammar": ("",),
    "guided_json": (),
    "guided_regex": ("",),
    "ignore_eos": (False,),
    "include_stop_str_in_output": (False,),
    "length_penalty": (1,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "min_p": (0,),
    "min_tokens": (0,),
    "modalities": (["text"],),
    "n": (1,),
    "prediction": (),
    "presence_penalty": (0,),
    "prompt_logprobs": (False,),
    "reasoning_effort": ("none",),
    "repetition_penalty": (1,),
    "response_format": ({"type": "text"},),
    "skip_special_tokens": (True,),
    "stop_token_ids": ([],),
    "structured_outputs": ({},),
    "suffix": ("",),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
    "truncate_prompt_tokens": (),
    "use_beam_search": (False,),
    "web_search_options": (),
}
"""Fields of OpenAI's and vLLM's requests that are not served → the values that ask for nothing."""


class Turn(msgspec.Struct, frozen=True):
    """One message of a chat."""

    role: str
    content: str


class _TextPart(msgspec.Struct, frozen=True, tag="text", tag_field="type"):
    text: str


class _Message(msgspec.Struct, frozen=True):
    role: str
    content: str | tuple[_TextPart, ...]


def _text(content: str | tuple[_TextPart, ...]) -> str:
    return content if isinstance(content, str) else "".join(part.text for part in content)


class PromptAsked(msgspec.Struct, frozen=True):
    """A text to continue. `raw` leaves the prompt out of the answer."""

    prompt: str
    raw: bool
    sampling: Json


class ChatAsked(msgspec.Struct, frozen=True):
    """A chat to answer in OpenAI's form; `stream` asks for it piece by piece."""

    turns: tuple[Turn, ...]
    sampling: Json
    stream: bool = False

    @property
    def model(self) -> str:
        """The model's name in the request, which the answer repeats."""
        name = self.sampling.get("model")
        return name if isinstance(name, str) else ""


Asked = PromptAsked | ChatAsked
Answered = str | Json


def asked(instance: object, parameters: Json) -> Asked:
    """What an instance asks for; its own values go before the request's `parameters`.

    Raises ApiError INVALID_ARGUMENT when it is neither a prompt nor a chat.
    """
    if not isinstance(instance, dict):
        raise invalid("An instance must be an object with a prompt, or a chat.")
    given = {key: _whole(value) for key, value in {**parameters, **instance}.items()}
    if given.get("@requestFormat") == CHAT_FORMAT:
        return chat(given)
    check_served(given)
    prompt, raw = given.get("prompt"), given.get("raw_response", False)
    if not isinstance(prompt, str) or not isinstance(raw, bool):
        raise invalid("An instance needs a prompt (a string); its raw_response is a boolean.")
    return PromptAsked(prompt, raw, given)


def _whole(value: object) -> object:
    """Numbers in google.protobuf.Value are all floats: a whole one is given back as the integer it was."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check_served(given: Json) -> None:
    """Refuse by name what would change the answer elsewhere and has no effect here. Raises UNIMPLEMENTED."""
    for name, nothing in _WITHOUT_EFFECT.items():
        if given.get(name) is not None and given[name] not in nothing:
            raise unimplemented(f"{name} of a prediction")


def chat(given: Json) -> ChatAsked:
    """A chat completion request.

    Raises ApiError INVALID_ARGUMENT when its messages are malformed, UNIMPLEMENTED as `check_served`.
    """
    check_served(given)
    try:
        messages = msgspec.convert(given.get("messages"), tuple[_Message, ...])
    except msgspec.ValidationError as error:
        raise invalid(f"messages: {error}") from None
    turns = tuple(Turn(message.role, _text(message.content)) for message in messages)
    if (most := given.get("max_completion_tokens")) is not None:
        given = {**given, "max_tokens": most}
    if not turns:
        raise invalid("messages must not be empty.")
    stream = given.get("stream") or False
    if not isinstance(stream, bool):
        raise invalid("stream must be a boolean.")
    return ChatAsked(turns, given, stream)


def begin(model: "ServedModel", question: Asked) -> "Generation":
    """Get ready to answer. Raises INVALID_ARGUMENT for sampling that cannot be, or too long a prompt."""
    from vertex_emulator.serving.model import ChatMessage, RequestError
    from vertex_emulator.serving.sampling import Sampling

    try:
        sampling: Sampling = Sampling.from_instance(question.sampling)
        if isinstance(question, PromptAsked):
            return model.begin(question.prompt, sampling)
        messages = [msgspec.convert(msgspec.to_builtins(turn), ChatMessage) for turn in question.turns]
        return model.begin(messages, sampling)
    except (RequestError, msgspec.ValidationError) as error:
        raise invalid(str(error)) from None


def answered(question: Asked, done: "Completion") -> Answered:
    """A whole answer as the container gives it."""
    if isinstance(question, PromptAsked):
        return done.text if question.raw else f"Prompt:\n{question.prompt}\nOutput:\n{done.text}"
    message = {"role": "assistant", "content": done.text}
    choice = {"index": 0, "message": message, "finish_reason": done.finish_reason}
    return {**_head(question, "chat.completion", _new_id()), "choices": [choice], "usage": _usage(done)}


def events(question: ChatAsked, pieces: Iterable[str], done: Callable[[], "Completion"]) -> Iterator[bytes]:
    """An answer as server-sent events, in the form of OpenAI's chunks; the last one counts the tokens."""
    head = _head(question, "chat.completion.chunk", _new_id())
    role = {"role": "assistant"}
    for piece in pieces:
        choice = {"index": 0, "delta": {**role, "content": piece}, "finish_reason": None}
        role = {}
        yield _event({**head, "choices": [choice]})
    end = {"index": 0, "delta": role, "finish_reason": done().finish_reason}
    yield _event({**head, "choices": [end], "usage": _usage(done())})
    yield b"data: [DONE]\n\n"


def _event(content: Json) -> bytes:
    return b"data: " + msgspec.json.encode(content) + b"\n\n"


def _new_id() -> str:
    return f"chatcmpl-{uuid.uuid4().hex}"


def _head(question: ChatAsked, kind: str, id_: str) -> Json:
    return {"id": id_, "object": kind, "created": int(time.time()), "model": question.model}


def _usage(done: "Completion") -> Json:
    return {
        "prompt_tokens": done.prompt_tokens,
        "completion_tokens": done.completion_tokens,
        "total_tokens": done.prompt_tokens + done.completion_tokens,
    }
