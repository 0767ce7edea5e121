"""Other people's code reads what the embedded service wrote, and computes the same from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.emulator.training.support import Job
from vertex_emulator.model.checkpoint import Checkpoint, write_checkpoint
from vertex_emulator.model.prompts import ChatMessage, PromptEncoder, Role
from vertex_emulator.serving.model import Sampling, ServedModel

torch: Any = pytest.importorskip(
    "torch", reason="torch is not installed: it is large, and only compared with"
)
transformers: Any = pytest.importorskip("transformers", reason="transformers is not installed")

TEXT = "What of the old cat in the garden?\nÄ 🙂  12345"
# Some of these libraries warn about their own next versions, which is not this project's doing.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")


def scores(model: Any, ids: list[int]) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model.eval()(torch.tensor([ids])).logits[0].numpy())


@pytest.mark.parametrize("finished", ["full_job", "adapter_job"])
def test_transformers_computes_the_same_scores_and_answer(
    finished: str, request: pytest.FixtureRequest
) -> None:
    job: Job = request.getfixturevalue(finished)
    model = transformers.AutoModelForCausalLM.from_pretrained(job.final, dtype=torch.float32)
    served = ServedModel.load(job.final)
    tokenizer = transformers.AutoTokenizer.from_pretrained(job.final)
    ids = tokenizer(TEXT).input_ids
    theirs, ours = scores(model, ids), served.logits(ids)
    print(f"{finished}: largest difference {np.abs(theirs - ours).max():.1e} of {np.abs(ours).max():.1f}")
    np.testing.assert_allclose(ours, theirs, atol=1e-4)

    said = model.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=20)[0][len(ids) :]
    answer = served.generate(TEXT, Sampling(max_tokens=20, temperature=0.0))
    assert answer.text == tokenizer.decode(said, skip_special_tokens=True)


def test_its_tokenizer_and_chat_template_give_the_same_ids(full_job: Job, base: Checkpoint) -> None:
    tokenizer = transformers.AutoTokenizer.from_pretrained(full_job.final)
    encoder = PromptEncoder(base.tokenizer)
    assert tokenizer(TEXT).input_ids == encoder.prompt(TEXT)

    chat = [ChatMessage(Role.SYSTEM, "Be brief."), ChatMessage(Role.USER, TEXT)]
    messages = [{"role": str(message.role), "content": message.content} for message in chat]
    rendered = tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, tokenize=True, return_dict=True
    )
    assert rendered["input_ids"] == encoder.chat(chat)
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (
        base.config.bos_token_id,
        base.config.eos_token_id,
        base.config.pad_token_id,
    )


def test_peft_puts_the_adapter_on_the_base_and_gets_the_merged_model(
    adapter_job: Job, base: Checkpoint, tmp_path_factory: pytest.TempPathFactory
) -> None:
    peft: Any = pytest.importorskip("peft", reason="peft is not installed")
    folder = tmp_path_factory.mktemp("base") / "final"
    write_checkpoint(folder, base)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = PromptEncoder(base.tokenizer).prompt(TEXT)
    before = scores(model, ids)
    adapted = scores(peft.PeftModel.from_pretrained(model, adapter_job.adapter), ids)
    merged = ServedModel.load(adapter_job.final).logits(ids)
    print(f"adapter: largest difference {np.abs(adapted - merged).max():.1e}")
    np.testing.assert_allclose(merged, adapted, atol=1e-4)
    assert np.abs(adapted - before).max() > 0.1, "the adapter has an effect"
