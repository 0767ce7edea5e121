"""Keep the state that this version writes, as the newest in tests/unit/plugin/states.

    make up && pulumi stack export … | python tools/state.py VERSION

Leaves out what tells of the machine: source positions and stack traces of the program.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "unit" / "plugin" / "states"
OF_THE_MACHINE = ("sourcePosition", "stackTrace")

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: pulumi stack export | state.py VERSION")
    export = json.load(sys.stdin)
    for resource in export["deployment"]["resources"]:
        for key in OF_THE_MACHINE:
            resource.pop(key, None)
    export["deployment"].pop("secrets_providers", None)
    (FOLDER / f"{sys.argv[1]}.json").write_text(json.dumps(export, indent=1) + "\n")
