"""Write what README.md and the pages of docs/ quote: figures from records, references from code.

python benchmarks/readme.py            # rewrites the marked blocks of README.md and docs/*.md
python benchmarks/readme.py --check    # fails where they are not up to date

A block stands between `<!-- begin NAME -->` and `<!-- end NAME -->`; any page may hold any block.
"""

from __future__ import annotations

import ast
import io
import json
import re
import shutil
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from benchmarks import power, published, reference
from benchmarks.verification_matrix import Matrix
from segprune.records.io import read_record
from segprune.records.prune import PruneRecord
from segprune.reporting import read_collection, read_policy, readme_section

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "benchmarks" / "records"
POLICY = ROOT / "benchmarks" / "policy.toml"
README = ROOT / "README.md"
DOCS = ROOT / "docs"
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
PICTURE = ROOT / "benchmarks" / "pictures" / "prune.svg"
PICTURED = "bisenetv2-taylor"
SHOWN_IN_DOCS = (
    PICTURE,
    ROOT / "benchmarks" / "pictures" / "streets-bisenetv2.png",
    ROOT / "benchmarks" / "plots" / "camvid-trained.png",
    ROOT / "benchmarks" / "plots" / "streets-summary.png",
)
"""Pictures that pages show; a site holds only what is below docs/, so that it gets copies."""


def pages() -> tuple[Path, ...]:
    """Return README, CONTRIBUTING and every page of docs/."""
    return (README, ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md")))


def prune_table() -> str:
    """One row a record of `segprune prune`: sizes, speed side by side, proof."""
    rows = [
        "| network | importance | parameters | GMACs | ms | FPS | speed-up (95 %) "
        "| from the twin |",
        "|---|---|---|---|---|---|---|---|",
    ]
    records = [read_record(PruneRecord, path) for path in sorted(RECORDS.glob("prune-*.json"))]
    for record in records:
        dense, small, speed = record.dense, record.pruned, record.speed
        assert speed is not None
        rows.append(
            f"| {record.model} | {record.importance} "
            f"| {dense.params / 1e6:.2f} → {small.params / 1e6:.2f} M "
            f"| {dense.macs / 1e9:.2f} → {small.macs / 1e9:.2f} "
            f"| {speed.reference_ms:.0f} → {speed.candidate_ms:.0f} "
            f"| {speed.reference_fps:.1f} → {speed.candidate_fps:.1f} "
            f"| ×{speed.speedup:.2f} ({speed.low:.2f} – {speed.high:.2f}) "
            f"| {record.difference:.0e} |"
        )
    first, timed = records[0], records[0].speed
    assert timed is not None
    rows += [
        "",
        f"{first.frames} CamVid frames at {'×'.join(map(str, first.input[2:]))}, 11 classes, "
        "ICNet's whole trunk (see Limits), "
        f"random weights (seed {first.seed}), {timed.threads} thread of {first.environment.cpu}, "
        f"torch {first.environment.torch}; ms and FPS are medians of {timed.pairs} interleaved "
        "pairs. *From the twin*: largest difference from the masked full-size network, "
        "relative to the largest logit. Records: `benchmarks/records/prune-*.json`.",
    ]
    return "\n".join(rows)


def matrix_summary() -> str:
    """How many plans were proved."""
    matrix = read_record(Matrix, RECORDS / "verification-matrix.json")
    cells = matrix.cells
    proved = sum(not cell.violations for cell in cells)
    names = sorted({cell.importance for cell in cells})
    budgets = sorted({cell.budget for cell in cells}, reverse=True)
    worst = min(cell.macs - cell.budget for cell in cells)
    return (
        f"**{proved} of {len(cells)} plans proved**: {len({c.network for c in cells})} networks × "
        f"budgets {', '.join(f'{b:g}' for b in budgets)} of the MACs × {len(names)} importances "
        f"({', '.join(names)}) × {len({c.scope for c in cells})} scopes; each verified without a "
        f"violation, none above its budget, at most {-worst:.2%} of the total below it "
        "(`benchmarks/records/verification-matrix.json`)."
    )


def reach_summary() -> str:
    """What other people's networks let go."""
    shares = json.loads((ROOT / "tests" / "free_shares.json").read_text("utf-8"))
    free = [entry["free_share"] for entry in shares.values()]
    reasons = Counter(
        re.sub(r"\s+", " ", group["reason"] if isinstance(group, dict) else str(group))
        for entry in shares.values()
        for group in entry["frozen"]
    )
    common = "; ".join(f"“{reason}”" for reason, _ in reasons.most_common(3))
    return (
        f"Of {len(free)} torchvision and segmentation-models-pytorch networks, "
        f"{sum(share >= 0.97 for share in free)} may lose at least 97 % of their hidden channels, "
        f"{sum(share >= 0.5 for share in free)} at least half. The commonest reasons to stay: "
        f"{common} (`tests/free_shares.json`)."
    )


def results_table() -> str:
    """Trained networks beside their dense ones; empty while no training is recorded."""
    return readme_section(read_collection(RECORDS), read_policy(POLICY))


def published_table() -> str:
    """Pruned networks on real images, ours and others'."""
    return published.beside_others(read_collection(RECORDS), read_policy(POLICY))


def layer_diagram() -> str:
    """The import contract, top to bottom, with what each module says it is."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contract = next(
        c for c in settings["tool"]["importlinter"]["contracts"] if c["type"] == "layers"
    )
    lines = []
    for layer in contract["layers"]:
        for number, name in enumerate(re.split(r"\s*[|:]\s*", layer)):
            edge = "├─" if number else "┌─"
            lines.append(f"{edge} {name.strip('()'):<13} {_first_line(name.strip('()'))}")
    return "\n".join(["```text", *lines, "```"])


def _first_line(module: str) -> str:
    path = ROOT / "segprune" / f"{module}.py"
    if not path.exists():
        path = ROOT / "segprune" / module / "__init__.py"
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return text.splitlines()[0].replace("`", "") if text else ""


def picture() -> str:
    """The terminal output of a recorded run, as SVG."""
    from segprune.cli.render import prune

    record = read_record(PruneRecord, RECORDS / f"prune-{PICTURED}.json")
    console = Console(record=True, width=100, file=io.StringIO(), force_terminal=True)
    prune.show_result(record, None, console=console)
    amounts = " ".join(f"--budget {kind}={share:g}" for kind, share in record.budget.items())
    command = f"segprune prune {record.model} {amounts} --importance {record.importance}"
    svg = console.export_svg(title=f"{command} …")
    return re.sub(r"terminal-\d+", "terminal", svg)


def gates_example() -> str:
    """The example's test module, as it stands there and is run by the tests."""
    module = ROOT / "examples" / "gate-your-own-model" / "test_gates.py"
    # "py", since the blocks marked as "python" are run on their own.
    return f"```py\n{module.read_text('utf-8').strip()}\n```"


def strategies() -> str:
    """What the sweep says of importances and scopes, as RESULTS.md has it."""
    text = RESULTS.read_text("utf-8")
    title = "### Which strategy at which ratio, and what recovery buys\n"
    found = text.partition(title)[2].partition("\n### ")[0]
    return re.sub(r"^!\[.*\n?", "", found, flags=re.M).strip()


BLOCKS: dict[str, Callable[[], str]] = {
    "prune": prune_table,
    "matrix": matrix_summary,
    "reach": reach_summary,
    "published": published_table,
    "results": results_table,
    "strategies": strategies,
    "gates": gates_example,
    "power": power.table,
    "layers": layer_diagram,
    "recipe": reference.recipe_reference,
    "commands": reference.command_reference,
}


def rewritten(text: str, page: Path) -> str:
    """Return a page's text with every `<!-- begin NAME -->` … `<!-- end NAME -->` block made anew.

    Raises:
        SystemExit: the page has a block of an unknown name, or one that does not end.
    """
    for name in re.findall(r"^<!-- begin (\w+) -->$", text, flags=re.M):
        pattern = rf"(^<!-- begin {name} -->\n).*?(^<!-- end {name} -->)"
        if name not in BLOCKS or not re.search(pattern, text, flags=re.S | re.M):
            raise SystemExit(
                f"{page.name}: expected a block that ends and is one of {', '.join(BLOCKS)}; "
                f"found {name}; correct its name, or close it."
            )
        made = BLOCKS[name]() if page == README else _within_the_site(BLOCKS[name]())
        text = re.sub(
            pattern, lambda m, made=made: f"{m[1]}{made}\n{m[2]}", text, flags=re.S | re.M
        )
    return text


def _within_the_site(block: str) -> str:
    """Turn links to files that the site does not hold into their names."""
    return re.sub(r"\[[^\]]*\]\((benchmarks/[^)]*)\)", r"`\1` in the repository", block)


def outdated() -> Iterator[str]:
    """Yield the names of pages and pictures that do not match the records and the code."""
    for page in pages():
        text = page.read_text("utf-8")
        if rewritten(text, page) != text:
            yield page.name
    if not PICTURE.exists() or PICTURE.read_text("utf-8") != picture():
        yield PICTURE.name
    for shown in SHOWN_IN_DOCS:
        copy = DOCS / "pictures" / shown.name
        if not copy.exists() or copy.read_bytes() != shown.read_bytes():
            yield f"docs/pictures/{shown.name}"


def main() -> None:
    if "--check" in sys.argv:
        found = list(outdated())
        raise SystemExit(f"run python benchmarks/readme.py: {found}" if found else 0)
    for page in pages():
        page.write_text(rewritten(page.read_text("utf-8"), page), "utf-8")
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(), "utf-8")
    (DOCS / "pictures").mkdir(exist_ok=True)
    for shown in SHOWN_IN_DOCS:
        shutil.copyfile(shown, DOCS / "pictures" / shown.name)


if __name__ == "__main__":
    main()
