"""The texts that `segprune gate init` writes are read by what they are written for."""

from __future__ import annotations

import ast
import tomllib
from dataclasses import replace

import pytest
import yaml

from segprune.workflows.gate_files import Declaration, policy_text, test_text, workflow_text

test_text.__test__ = False  # type: ignore[attr-defined]

CASE = Declaration(
    name='odd "name"', artifact="small.safetensors", dense="dense.pt", dense_is_artifact=False,
    model="my.nets:make", spec=None, data="folder", root="images", split="val", input=None,
    search_path=None,
)  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [
        CASE,
        replace(CASE, root=None, split="test", input=(1, 3, 8, 8), search_path=".."),
        replace(CASE, model=None, spec={"name": "icnet", "options": {"num_classes": 3}}),
        replace(CASE, model=None, dense="dense.safetensors", dense_is_artifact=True),
    ],
)
def test_the_module_is_python_that_has_a_test_for_each_gate(case: Declaration) -> None:
    tree = ast.parse(test_text(case))
    tests = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert tests[-4:] == ["test_size", "test_proof", "test_accuracy", "test_speed"]
    (marker,) = [n for n in tree.body if isinstance(n, ast.Assign)]
    assert isinstance(marker.value, ast.Call)
    options = {word.arg: word.value for word in marker.value.keywords}
    assert ast.literal_eval(options["artifact"]) == case.artifact
    assert ("root" in options) == (case.root is not None)
    assert ("skip_without_data" in options) == (case.root is None)
    if case.input is not None:
        assert ast.literal_eval(options["input"]) == case.input


def test_the_policy_is_toml_with_the_sizes() -> None:
    found = tomllib.loads(policy_text('odd "name"', 0.5, 0.25))["budgets"]['odd "name"']
    assert (found["macs"], found["params"]) == (0.5, 0.25)


def test_the_workflow_is_yaml_that_runs_in_the_folder_of_the_module() -> None:
    found = yaml.safe_load(workflow_text(replace(CASE, name="a"), "tests/gates", (3, 12)))
    job = found["jobs"]["gates"]
    assert job["defaults"]["run"]["working-directory"] == "tests/gates"
    assert {"python-version": "3.12"} in [step.get("with") for step in job["steps"]]
    assert sum("pytest" in str(step.get("run")) for step in job["steps"]) == 2
