"""Writes llama_tensors.json, the tensors that transformers' own LlamaForCausalLM has for the emulator's
sizes.

Run it by hand, with a folder that holds a config.json of the embedded service, where torch and transformers
are installed: ``python make_llama_tensors.py CHECKPOINT_FOLDER``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import transformers


def main(folder: Path) -> None:
    config = transformers.LlamaConfig.from_pretrained(folder)
    model = transformers.LlamaForCausalLM(config)
    table = {
        "made_with": f"transformers {transformers.__version__}",
        "config": json.loads((folder / "config.json").read_text()),
        "tensors": {name: list(tensor.shape) for name, tensor in model.state_dict().items()},
    }
    target = Path(__file__).with_name("llama_tensors.json")
    target.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
