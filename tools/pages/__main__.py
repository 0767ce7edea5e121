"""Write the files that are made from the code; ``--check`` names those that are not up to date.

python -m tools.pages [--check]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import PAGES

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.pages")
    parser.add_argument("--check", action="store_true", help="write nothing; fail and name stale files")
    check = parser.parse_args().check
    texts = {ROOT / name: make() for name, make in PAGES.items()}
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)}: {'stale; run `make pages`' if check else 'written'}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[path])
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
