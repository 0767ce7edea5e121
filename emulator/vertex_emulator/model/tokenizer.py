"""The tokenizer of the embedded service's base model: byte-level BPE, so that any text can be encoded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from vertex_emulator.model.prompts import BOS, CHAT_TEMPLATE, EOS, PAD, ROLE_TOKENS, SPECIAL_TOKENS

VOCABULARY = 1024


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """A tokenizer of at most 1024 tokens learned from the texts; digits are tokens of their own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return tokenizer


def huggingface_files(tokenizer: Tokenizer, max_length: int) -> Mapping[str, bytes]:
    """The files that transformers' AutoTokenizer reads, by name."""
    special = {"bos_token": BOS, "eos_token": EOS, "pad_token": PAD}
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": max_length,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
        **special,
    }
    return {
        "tokenizer.json": tokenizer.to_str(pretty=True).encode(),
        "tokenizer_config.json": _json(settings),
        "special_tokens_map.json": _json(
            {**special, "additional_special_tokens": list(ROLE_TOKENS.values())}
        ),
    }


def _json(content: Mapping[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
