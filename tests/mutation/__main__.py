"""Plant faults and print what happens: `cd tests && python -m mutation [COUNT [MODULE …]]`."""

from __future__ import annotations

import json
import sys

from mutation.running import CASES, survivors
from mutation.test_survivors import COUNT, LIST


def main(words: list[str]) -> None:
    """All modules by default; `--write` replaces the committed list of survivors."""
    write = "--write" in words
    rest = [word for word in words if word != "--write"]
    count = int(rest[0]) if rest else COUNT
    found = survivors(rest[1:] or [*CASES], count, lambda text: print(text, flush=True))
    print(f"{len(found)} survived")
    if write:
        LIST.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
