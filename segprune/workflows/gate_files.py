"""The texts of the files that `segprune gate init` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Declaration", "policy_text", "test_text", "workflow_text"]


@dataclass(frozen=True)
class Declaration:
    """The arguments of the marker in the test module; paths are relative to the module's folder.

    Attributes:
        dense: file of the dense network; None: the factory loads its own weights.
        dense_is_artifact: whether that file rebuilds the network by itself.
        model: reference of the user's factory; None for a built-in network.
        spec: name and options of a built-in network.
        root: folder of the images; None: it is made on the fly, or not with the repository.
        input: `(N, C, H, W)`, where the artefact does not name it.
        search_path: folder to import the factory's package from; None: pytest finds it.
    """

    name: str
    artifact: str
    dense: str | None
    dense_is_artifact: bool
    model: str | None
    spec: Mapping[str, Any] | None
    data: str
    root: str | None
    split: str
    input: tuple[int, ...] | None
    search_path: str | None


def test_text(case: Declaration) -> str:
    """Return the test module."""
    imports, before = ["import pytest"], []
    if case.search_path is not None:
        imports = ["import sys", "from pathlib import Path", "", *imports]
        before = [f"sys.path.insert(0, str(Path(__file__).parent / {_quoted(case.search_path)}))"]
        before.append("")
    dense = _quoted(case.model or case.dense or "")
    if case.spec is not None and not case.dense_is_artifact:
        options = "".join(f", {name}={value!r}" for name, value in case.spec["options"].items())
        dense = "make_dense"
        imports += ["", "import segprune"]
        before += [
            "",
            "def make_dense():",
            f"    return segprune.build({_quoted(case.spec['name'])}{options})",
            "",
            "",
        ]
    marker = [
        f"    {_quoted(case.name)},  # its baseline: baselines/{case.name}.json",
        f"    dense={dense},",
    ]
    if case.dense is not None and not case.dense_is_artifact:
        marker.append(f"    weights={_quoted(case.dense)},")
    marker += [f"    artifact={_quoted(case.artifact)},", f"    data={_quoted(case.data)},"]
    if case.root is not None:
        marker.append(f"    root={_quoted(case.root)},")
    elif case.data != "streets":
        marker.append("    skip_without_data=True,  # only some machines have the images")
    if case.split != "val":
        marker.append(f"    split={_quoted(case.split)},")
    if case.input is not None:
        marker.append(f"    input={tuple(case.input)},")
    marker.append(f"    budget={_quoted(case.name)},  # in policy.toml")
    lines = [
        f'"""Gates of {case.name}: size, proof, accuracy; pytest --benchmark-only judges speed."""',
        "",
        *imports,
        "",
        *before,
        "pytestmark = pytest.mark.segprune(",
        *marker,
        ")",
        *(
            line
            for gate in ("size", "proof", "accuracy")
            for line in ("", "", f"def test_{gate}(segprune_gate):", f"    segprune_gate.{gate}()")
        ),
        "",
        "",
        "def test_speed(segprune_speed):",
        "    segprune_speed()",
        "",
    ]
    return "\n".join(lines)


def policy_text(name: str, macs: float, params: float) -> str:
    """Return the policy: the size as it is, and usual values for what has to be decided."""
    return f"""\
# What {name} may lose, and what it must save. Edit the numbers before you look at results, then
# write the baseline with: pytest --segprune-accept
schema = "segprune.policy/1"

[budgets.{_quoted(name)}]
macs = {macs:g} # at most this share of the dense network's MACs is left
params = {params:g} # at most this share of its parameters is left
miou_loss = 1.0 # points of mIoU that may be lost
class_loss = 8.0 # points of IoU that any single class may lose
speedup = 1.0 # at least, for the lower end of the interval; leave some percent to noise
"""


def workflow_text(case: Declaration, folder: str, python: tuple[int, ...]) -> str:
    """Return the GitHub Actions workflow.

    Args:
        folder: of the test module, relative to the repository.
        python: version to run, such as (3, 12).
    """
    outside = case.root is None and case.data != "streets"
    images = (
        "  # Where this machine has the images; without this line accuracy is skipped.\n"
        f"  # SEGPRUNE_DATA: {case.data}=FOLDER\n"
        if outside
        else ""
    )
    return f"""\
name: gates of {case.name}
on: [push, pull_request]
env:
  OMP_WAIT_POLICY: PASSIVE # beside busy neighbours, waiting threads otherwise slow each other down
{images}
jobs:
  gates:
    runs-on: ubuntu-latest
    defaults:
      run:
        working-directory: {_quoted(folder)}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "{".".join(map(str, python))}"
      - run: pip install 'segprune[gates]' # and what your network imports
      - name: Size, proof and accuracy
        run: pytest --segprune-strict --segprune-report gates
      - name: Speed
        if: ${{{{ !cancelled() }}}}
        run: pytest --benchmark-only --segprune-strict --segprune-report gates-speed
      - name: Summary of the job
        if: ${{{{ !cancelled() }}}}
        run: cat gates*/segprune.md >> "$GITHUB_STEP_SUMMARY"
"""


def _quoted(text: str) -> str:
    """Return a string as Python, TOML and YAML all read it."""
    return json.dumps(text, ensure_ascii=False)
