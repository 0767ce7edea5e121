from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import pytest

from vertex_emulator.model.checkpoint import Checkpoint, write_checkpoint
from vertex_emulator.model.prompts import PromptEncoder, Role
from vertex_emulator.serving.forward import Cache, Network
from vertex_emulator.serving.model import (
    ChatMessage,
    CheckpointError,
    Completion,
    RequestError,
    Sampling,
    ServedModel,
)

PROMPT = "What is a tuning job?"
GREEDY = Sampling(max_tokens=24, temperature=0.0)
PARTS = {
    "one token after another": (1,) * 12,
    "a prompt and then tokens": (7, 1, 1, 1, 1, 1),
    "in pieces": (5, 4, 3),
    "the last token alone": (11, 1),
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_reading_on_from_a_cache_equals_reading_all_again(
    checkpoint: Checkpoint, parts: tuple[int, ...]
) -> None:
    tokens = np.random.default_rng(0).integers(0, checkpoint.config.vocab_size, sum(parts))
    network = Network(checkpoint.config, checkpoint.weights)
    whole = network.scores(network.read(tokens, Cache(checkpoint.config, len(tokens))))

    cache = Cache(checkpoint.config, len(tokens))
    pieces = np.split(tokens, np.cumsum(parts)[:-1])
    read_on = np.concatenate([network.scores(network.read(piece, cache)) for piece in pieces])
    np.testing.assert_allclose(read_on, whole, atol=1e-4)


def test_a_greedy_answer_is_the_likeliest_token_each_time(model: ServedModel, checkpoint: Checkpoint) -> None:
    """What the cache generates is what asking for all scores afresh at every token gives."""
    ids = PromptEncoder(checkpoint.tokenizer).prompt(PROMPT)
    asked = len(ids)
    while len(ids) < asked + GREEDY.max_tokens and ids[-1] != checkpoint.config.eos_token_id:
        ids.append(int(model.logits(ids)[-1].argmax()))
    answer = model.generate(PROMPT, GREEDY)
    assert answer.text == checkpoint.tokenizer.decode(ids[asked:])
    assert (answer.prompt_tokens, answer.completion_tokens) == (asked, len(ids) - asked)


def test_a_chat_is_asked_with_its_roles(model: ServedModel, checkpoint: Checkpoint) -> None:
    chat = [ChatMessage(Role.SYSTEM, "Be brief."), ChatMessage(Role.USER, PROMPT)]
    answer = model.generate(chat, GREEDY)
    assert answer.prompt_tokens == len(PromptEncoder(checkpoint.tokenizer).chat(chat))
    assert answer.text != model.generate(PROMPT, GREEDY).text


def test_a_seed_decides_the_answer(model: ServedModel) -> None:
    def answer(seed: int | None) -> str:
        return model.generate(PROMPT, Sampling(max_tokens=20, seed=seed)).text

    assert answer(1) == answer(1)
    assert answer(1) != answer(2)
    assert answer(None) != answer(None)


def saying_only(checkpoint: Checkpoint, token: int) -> ServedModel:
    """The model with an output layer that always prefers one token."""
    weights = {name: np.zeros_like(tensor) for name, tensor in checkpoint.weights.items()}
    weights["model.embed_tokens.weight"] += 1
    weights["model.norm.weight"] += 1
    weights["lm_head.weight"][token] = 1
    return ServedModel(checkpoint._replace(weights=weights))


def test_the_end_token_stops_the_answer_and_is_no_text(checkpoint: Checkpoint) -> None:
    answer = saying_only(checkpoint, checkpoint.config.eos_token_id).generate(PROMPT, GREEDY)
    assert (answer.text, answer.completion_tokens, answer.finish_reason) == ("", 1, "stop")


def test_a_model_that_shouts_still_answers(checkpoint: Checkpoint) -> None:
    """Weights far beyond what training makes lead to no overflow: warnings are errors in these tests."""
    loud = {name: tensor * np.float32(50) for name, tensor in checkpoint.weights.items()}
    assert ServedModel(checkpoint._replace(weights=loud)).generate(PROMPT, GREEDY).completion_tokens > 0


LENGTHS = {
    "max_tokens": (PROMPT, 5, 5),
    "the end of the context": (PROMPT, 10_000, None),
}


@pytest.mark.parametrize(("prompt", "max_tokens", "expected"), LENGTHS.values(), ids=LENGTHS)
def test_an_answer_ends_at(
    checkpoint: Checkpoint, prompt: str, max_tokens: int, expected: int | None
) -> None:
    letter = checkpoint.tokenizer.token_to_id("x")
    assert letter is not None
    answer = saying_only(checkpoint, letter).generate(
        prompt, Sampling(max_tokens=max_tokens, temperature=0.0)
    )
    count = checkpoint.config.max_position_embeddings - answer.prompt_tokens if expected is None else expected
    assert answer == Completion(
        text="x" * count, prompt_tokens=answer.prompt_tokens, completion_tokens=count, finish_reason="length"
    )


def test_a_prompt_that_fills_the_context_is_refused(model: ServedModel) -> None:
    with pytest.raises(RequestError, match="the prompt has 201 tokens, and the model's context holds 96"):
        model.generate("7" * 200, GREEDY)


def test_pieces_join_to_the_whole_answer(model: ServedModel) -> None:
    """Random tokens are random bytes: many a character is in several tokens, and many are none."""
    for seed in range(20):
        sampling = Sampling(max_tokens=30, seed=seed)
        generation = model.begin(PROMPT, sampling)

        pieces = list(generation)

        assert "".join(pieces) == generation.completion.text == model.generate(PROMPT, sampling).text
        assert all(pieces), "a piece holds something"
        assert generation.prompt_s > 0


@pytest.mark.parametrize("size", [1, 3, 8])
def test_a_stop_ends_the_text_before_it_and_no_piece_of_it_is_shown(model: ServedModel, size: int) -> None:
    whole = model.generate(PROMPT, GREEDY).text
    for start in range(0, len(whole) - size, 5):
        stop = whole[start : start + size]
        sampling = msgspec.structs.replace(GREEDY, stop=("never says this", stop))

        generation = model.begin(PROMPT, sampling)
        pieces = list(generation)

        assert "".join(pieces) == generation.completion.text == whole[: whole.find(stop)]
        assert generation.completion.finish_reason == "stop"


def test_a_stop_that_never_comes_changes_nothing(model: ServedModel) -> None:
    whole = model.generate(PROMPT, GREEDY)
    # Every sign of the text may be the beginning of this one.
    stops = tuple(f"{sign}\0" for sign in set(whole.text))[:16]
    generation = model.begin(PROMPT, msgspec.structs.replace(GREEDY, stop=stops))

    assert "".join(generation) == whole.text
    assert generation.completion == whole


def test_half_a_character_is_shown_only_when_nothing_follows(checkpoint: Checkpoint) -> None:
    ids = checkpoint.tokenizer.encode("ü", add_special_tokens=False).ids
    first = saying_only(checkpoint, ids[0]).begin(PROMPT, Sampling(max_tokens=1, temperature=0.0))

    assert (len(ids), list(first)) == (2, ["\N{REPLACEMENT CHARACTER}"])


def test_threads_may_share_a_model(model: ServedModel) -> None:
    prompts = [f"{PROMPT} {number}" for number in range(8)]
    alone = [model.generate(prompt, GREEDY) for prompt in prompts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda prompt: model.generate(prompt, GREEDY), prompts))
    assert together == alone


def test_an_odd_folder_is_refused_in_one_line(tmp_path: Path, checkpoint: Checkpoint) -> None:
    write_checkpoint(tmp_path / "final", checkpoint)
    (tmp_path / "final" / "model.safetensors").unlink()
    with pytest.raises(
        CheckpointError, match=r"model\.safetensors cannot be read: No such file or directory"
    ):
        ServedModel.load(tmp_path / "final")
