from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from vertex_emulator.model.prompts import (
    BOS,
    EOS,
    PAD,
    SPECIAL_TOKENS,
    Chat,
    ChatMessage,
    Encoded,
    PromptCompletion,
    PromptEncoder,
    Role,
)
from vertex_emulator.model.tokenizer import VOCABULARY, train_tokenizer
from vertex_emulator.training.base_text import own_documents

TOKENIZER = train_tokenizer(own_documents().values())
ENCODER = PromptEncoder(TOKENIZER)
TEXTS = st.text() | st.sampled_from(SPECIAL_TOKENS).map(lambda token: f"a{token}b")


def shown(encoded: Encoded) -> list[tuple[str, bool]]:
    """Runs of tokens with the same learning flag, as text."""
    runs: list[tuple[list[int], bool]] = []
    for token, learned in zip(encoded.ids, encoded.learned, strict=True):
        if not runs or runs[-1][1] != learned:
            runs.append(([], learned))
        runs[-1][0].append(token)
    return [(TOKENIZER.decode(ids, skip_special_tokens=False), learned) for ids, learned in runs]


def test_a_completion_and_its_end_are_learned_and_the_prompt_is_given() -> None:
    assert shown(ENCODER.example(PromptCompletion("How many?", "Three."))) == [
        (f"{BOS}How many?", False),
        (f"Three.{EOS}", True),
    ]


def test_in_a_chat_every_assistant_turn_is_learned_and_nothing_else() -> None:
    chat = Chat(
        (
            ChatMessage(Role.SYSTEM, "Count."),
            ChatMessage(Role.USER, "One"),
            ChatMessage(Role.ASSISTANT, "Two"),
            ChatMessage(Role.USER, "Three"),
            ChatMessage(Role.ASSISTANT, "Four"),
        )
    )
    assert shown(ENCODER.example(chat)) == [
        (f"{BOS}<|system|>Count.{EOS}<|user|>One{EOS}<|assistant|>", False),
        (f"Two{EOS}", True),
        (f"<|user|>Three{EOS}<|assistant|>", False),
        (f"Four{EOS}", True),
    ]


@given(question=TEXTS, answer=TEXTS)
def test_serving_asks_with_the_tokens_that_training_saw(question: str, answer: str) -> None:
    row = ENCODER.example(PromptCompletion(question, answer))
    asked = ENCODER.prompt(question)
    assert row.ids[: len(asked)] == tuple(asked)
    assert row.learned.index(True) == len(asked)

    turns = (ChatMessage(Role.USER, question), ChatMessage(Role.ASSISTANT, answer))
    row = ENCODER.example(Chat(turns))
    asked = ENCODER.chat(turns[:1])
    assert row.ids[: len(asked)] == tuple(asked)
    assert row.learned.index(True) == len(asked)


@given(text=TEXTS)
def test_any_text_is_encoded_without_loss_and_never_as_a_special_token(text: str) -> None:
    ids = ENCODER.prompt(text)[1:]
    assert TOKENIZER.decode(ids) == text
    assert not {TOKENIZER.token_to_id(token) for token in SPECIAL_TOKENS} & set(ids)


def test_the_tokenizer_has_bytes_digits_and_special_tokens(tokenizer: Tokenizer) -> None:
    assert 256 + len(SPECIAL_TOKENS) < tokenizer.get_vocab_size() <= VOCABULARY
    assert [tokenizer.token_to_id(token) for token in (BOS, EOS, PAD)] == [0, 1, 2]
    assert tokenizer.encode("1234", add_special_tokens=False).tokens == ["1", "2", "3", "4"]
