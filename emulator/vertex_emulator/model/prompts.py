"""How prompts and chats become token ids: the one place that training and serving share.

Prompt and completion: ``<bos> prompt completion <eos>``.
Chat: ``<bos>`` and then, for each message, ``<|role|> content <eos>``; an answer is asked for with a trailing
``<|assistant|>``.

Each piece of text is encoded by itself and special tokens written in it stay plain text, so what a user
writes can neither end a turn nor begin one, and what training saw is exactly what serving sends.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import msgspec
from tokenizers import Tokenizer

BOS, EOS, PAD = "<|begin_of_text|>", "<|end_of_text|>", "<|pad|>"


class Role(enum.StrEnum):
    """Who speaks in a chat."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class ChatMessage(msgspec.Struct, frozen=True):
    """One turn of a chat; other fields on the wire are ignored."""

    role: Role
    content: str


class PromptCompletion(msgspec.Struct, frozen=True):
    """A training row of the prompt and completion format."""

    prompt: str
    completion: str


class Chat(msgspec.Struct, frozen=True):
    """A training row of the chat format."""

    messages: tuple[ChatMessage, ...]


Example = PromptCompletion | Chat


class Encoded(msgspec.Struct, frozen=True):
    """Token ids of an example, and for each whether the model is to learn to say it."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]


ROLE_TOKENS = {role: f"<|{role}|>" for role in Role}
SPECIAL_TOKENS = (BOS, EOS, PAD, *ROLE_TOKENS.values())

# The same template in the language of Hugging Face's tokenizers.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + eos_token }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


class PromptEncoder:
    """Encodes prompts, chats and training examples with one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        self._special = {token: token_id(tokenizer, token) for token in SPECIAL_TOKENS}

    def prompt(self, text: str) -> list[int]:
        """The ids after which the completion of a prompt begins."""
        return [self._special[BOS], *self._text(text)]

    def chat(self, messages: Sequence[ChatMessage]) -> list[int]:
        """The ids after which the assistant's next answer begins."""
        ids = [self._special[BOS]]
        for message in messages:
            ids += [
                self._special[ROLE_TOKENS[message.role]],
                *self._text(message.content),
                self._special[EOS],
            ]
        return [*ids, self._special[ROLE_TOKENS[Role.ASSISTANT]]]

    def example(self, example: Example) -> Encoded:
        """A training row. Completions, assistant turns and the end after each are learned."""
        pieces = [([self._special[BOS]], False)]
        if isinstance(example, PromptCompletion):
            pieces += [(self._text(example.prompt), False), (self._answer(example.completion), True)]
        else:
            for message in example.messages:
                pieces += [
                    ([self._special[ROLE_TOKENS[message.role]]], False),
                    (self._answer(message.content), message.role is Role.ASSISTANT),
                ]
        return Encoded(
            ids=tuple(token for ids, _ in pieces for token in ids),
            learned=tuple(learned for ids, learned in pieces for _ in ids),
        )

    def _answer(self, text: str) -> list[int]:
        return [*self._text(text), self._special[EOS]]

    def _text(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """The id of a special token; ValueError where the tokenizer is not one of this service's."""
    number = tokenizer.token_to_id(token)
    if number is None:
        raise ValueError(f"the tokenizer has no token {token}, which this service's prompts are made of")
    return int(number)
