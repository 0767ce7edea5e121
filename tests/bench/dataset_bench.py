"""How fast training data is inspected, as a ratio to what cannot be avoided and to the usual way.

    python -m tests.bench.dataset_bench [MEGABYTES] [ROUNDS]

The contenders read the same made-up chat file in turn, each in a process of its own: `floor` reads the lines and
hashes them with SHA-256, `inspect` is the plugin's, `survey` is what `vertex-tuning validate` does, and `pydantic`
validates line by line with Pydantic. Each round gives a ratio, and the median of the ratios is shown: the times
themselves say more about the machine. One more round, on Linux, looks at the memory: that of all processes of a
contender together, workers included, pages that they share counted for each. Exits with 1 when a bound is missed.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from statistics import median

SEED = 1
ACCENTED = 0.1
READING, LINE_BY_LINE = "reading and hashing", "Pydantic, line by line"
BOUNDS = (
    ("inspect", "floor", READING, 0.6),
    ("survey", "floor", READING, 0.6),
    ("inspect", "pydantic", LINE_BY_LINE, 2.5),
    ("survey", "pydantic", LINE_BY_LINE, 2.5),
)
MOST_MEBIBYTES = 150
SYLLABLES = ("ta", "ren", "so", "mi", "ku", "lar", "o", "per", "nu", "est", "ing", "de")

START = "import sys, time; from pathlib import Path; path = Path(sys.argv[1]);"
STOP = "print(time.perf_counter() - start)"

CONTENDERS = {
    "floor": f"""{START}
import hashlib
start = time.perf_counter()
digest = hashlib.sha256()
with path.open("rb") as file:
    for line in file:
        digest.update(line)
{STOP}""",
    "inspect": f"""{START}
from vertex_tuning.dataset import inspect
start = time.perf_counter()
assert inspect(path).dataset is not None
{STOP}""",
    "survey": f"""{START}
from vertex_tuning.dataset import survey
start = time.perf_counter()
found = survey(path)
found.digests.repeats()
assert found.outcome.dataset is not None
{STOP}""",
    "pydantic": f"""{START}
from typing import Literal
from pydantic import BaseModel
class Message(BaseModel):
    role: Literal["system", "user", "assistant"]
    content: str
class Example(BaseModel):
    messages: list[Message]
start = time.perf_counter()
with path.open("rb") as file:
    for line in file:
        Example.model_validate_json(line)
{STOP}""",
}


def text(source: random.Random, fewest: int, most: int) -> str:
    """Made-up words; one in fifty ends with a line feed or a quotation, one text in ten has accents."""
    words = [
        "".join(source.choices(SYLLABLES, k=source.randint(1, 4)))
        for _ in range(source.randint(fewest, most))
    ]
    for at in range(source.randrange(50), len(words), 50):
        words[at] += source.choice(["\n", ' "'])
    if source.random() < ACCENTED:
        words[0] += "ñé"
    return " ".join(words)


def write_chats(path: Path, size: int) -> None:
    """A chat file of about `size` bytes, some 1.1 KB a line: three turns, the last one the longest."""
    source = random.Random(SEED)  # noqa: S311  repeatable, not secret
    lines = []
    for _ in range(2000):
        turns = {
            "system": text(source, 8, 20),
            "user": text(source, 10, 80),
            "assistant": text(source, 40, 200),
        }
        messages = [{"role": role, "content": content} for role, content in turns.items()]
        lines.append(json.dumps({"messages": messages}, ensure_ascii=False).encode() + b"\n")
    written = 0
    with path.open("wb") as file:
        while written < size:
            written += file.write(source.choice(lines))


def seconds(program: str, path: Path) -> float:
    """Without start-up and imports."""
    run = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True)
    return float(run.stdout)


def mebibytes(program: str, path: Path) -> float:
    """The most memory that the process and its children were seen to hold at one time."""
    peak = 0
    with subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, sum(resident(pid) for pid in family(process.pid)))
            time.sleep(0.01)
    assert process.returncode == 0
    return peak / (1 << 20)


def family(pid: int) -> list[int]:
    """A process and its children; none where there is no /proc, or no process any more."""
    with suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]
    return []


def resident(pid: int) -> int:
    """Bytes in memory."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    return 0


def told(text: str, bound: str, *, good: bool) -> bool:
    """One figure with its bound."""
    print(f"{text} (bound {bound}{'' if good else ', MISSED'})", flush=True)
    return good


def main() -> int:
    """Make the file, let the contenders take turns, print the medians; 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("megabytes", type=int, nargs="?", default=1000)
    parser.add_argument("rounds", type=int, nargs="?", default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "chat.jsonl")
        write_chats(path, options.megabytes * 1_000_000)
        rounds = []
        for _ in range(options.rounds):
            took = {name: seconds(program, path) for name, program in CONTENDERS.items()}
            rounds.append(took)
            print(", ".join(f"{name} {taken:.2f} s" for name, taken in took.items()), flush=True)
        peaks = {name: mebibytes(program, path) for name, program in CONTENDERS.items()}
    for name in CONTENDERS:
        print(f"{name:<9} {median(took[name] for took in rounds):7.3f} s   peak {peaks[name]:5.0f} MiB")
    good = True
    for name, other, what, least in BOUNDS:
        ratio = median(took[other] / took[name] for took in rounds)
        said = f"{name} is {ratio:.2f} x the speed of {what}"
        good &= told(said, f"at least {least:g} x", good=ratio >= least)
    for name in ("inspect", "survey"):
        said = f"{name} holds at most {peaks[name]:.0f} MiB, workers included"
        good &= told(said, f"{MOST_MEBIBYTES} MiB", good=peaks[name] <= MOST_MEBIBYTES)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
