"""What is asked of a plan is one object, whichever way it is asked, and has one set of limits."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import sys
import tomllib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from typer.testing import CliRunner

import segprune
from segprune import PruneConfig
from segprune.cli import app
from segprune.cli.render.artifact import Width, widths_of
from segprune.core.planning.config import KINDS
from segprune.core.planning.select import TERMS
from segprune.errors import BudgetError, InputError, PlanError, SegpruneError, SegpruneWarning
from segprune.training.recipe import Recipe, parse_recipe, read_recipe
from segprune.training.toml import to_toml
from segprune.workflows.jobs import PruneJob
from segprune.workflows.train.run_folder import run_folder


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.wide = nn.Sequential(nn.Conv2d(16, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU())
        self.head = nn.Conv2d(24, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.wide(self.stem(x).relu()))


torch.manual_seed(0)
NET = Net().eval()
GRAPH = segprune.trace(NET, torch.zeros(1, 3, 16, 16))

SHARE = st.floats(0, 1, exclude_min=True)
GLOB = st.sampled_from(["stem", "wide.0", "wide*", "st?m", "w[hi]de", "s*"])
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "importance": st.sampled_from(["magnitude", "magnitude_l1", "bn_scale", "fpgm", "random"]),
    "scope": st.sampled_from(["global", "local"]),
    "round_to": st.integers(1, 40),
    "ignored_layers": st.lists(GLOB, max_size=2),
    "floor": st.floats(0, 1),
    "min_channels": st.integers(1, 40),
    "normalize": st.booleans(),
    "seed": st.integers(0, 2**31),
}
AMOUNTS = st.one_of(
    st.builds(lambda kind, share: {"budget": {kind: share}}, st.sampled_from(KINDS), SHARE),
    st.builds(lambda shares: {"layers": shares}, st.dictionaries(GLOB, SHARE, min_size=1)),
)
ASKED = st.builds(lambda amount, rest: amount | rest, AMOUNTS, st.fixed_dictionaries(OPTIONS))


# -- three ways to ask -----------------------------------------------------------------------------


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def recipe_text(asked: Mapping[str, Any], pruning: str = "") -> str:
    lines = [f"{key} = {toml(value)}" for key, value in asked.items() if key != "seed"]
    return f"""
name = "asked"
seed = {asked.get("seed", 0)}
[network]
model = "bisenetv2"
init_from = "dense.safetensors"
[data]
name = "streets"
[training]
epochs = 2
[pruning]
{chr(10).join([*lines, pruning])}
"""


def from_recipe(asked: Mapping[str, Any]) -> PruneConfig:
    recipe = parse_recipe(tomllib.loads(recipe_text(asked)), "recipe.toml")
    assert recipe.pruning is not None
    return recipe.pruning.build(recipe.seed)


def typed(asked: Mapping[str, Any]) -> Iterator[str]:
    for name, value in asked.items():
        if name == "normalize":
            yield "--normalize" if value else "--no-normalize"
        elif isinstance(value, dict):
            option = {"budget": "--budget", "layers": "--layer"}[name]
            yield from (f"{option}={key}={share!r}" for key, share in value.items())
        elif isinstance(value, list):
            yield from (f"--{name.replace('_', '-')}={item}" for item in value)
        else:
            yield f"--{name.replace('_', '-')}={value}"


def run(*words: str) -> tuple[list[PruneJob], str, int]:
    """What `segprune prune` would do with these options, what it says, and its exit status."""
    jobs: list[PruneJob] = []

    def note(job: PruneJob, *_: Any) -> None:
        jobs.append(job)
        raise typer.Exit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segprune.workflows.prune.run_prune", note)
        patch.setattr("sys.path", sys.path[:])
        done = CliRunner().invoke(app, ["prune", "bisenetv2", *words], env={"COLUMNS": "200"})
    return jobs, " ".join(done.stderr.split()), done.exit_code


def from_options(asked: Mapping[str, Any]) -> PruneConfig:
    (job,), _, _ = run(*typed(asked))
    return job.config


def planned(**options: Any) -> tuple[str, Any]:
    """The digest and the notes of a plan, or why there is none."""
    try:
        plan = segprune.make_plan(NET, GRAPH, **options)
    except BudgetError as error:
        return str(error), None
    return plan.digest, dict(plan.notes)


@settings(max_examples=15)
@given(ASKED)
def test_recipes_options_and_keywords_ask_for_one_object_and_one_plan(
    asked: dict[str, Any],
) -> None:
    config = PruneConfig(**asked)
    for name, value in asked.items():
        assert getattr(config, name) == (tuple(value) if isinstance(value, list) else value)
    assert from_recipe(asked) == config
    assert from_options(asked) == config
    digest, notes = planned(**asked)
    assert planned(config=config) == (digest, notes)
    if "layers" in asked:
        rest = {key: value for key, value in asked.items() if key not in ("layers", "scope")}
        by_shares = planned(scope=asked["layers"], **rest)
        assert by_shares == planned(**{**asked, "scope": "global"})
    if notes is not None:
        kept = {field.name: notes[field.name] for field in dataclasses.fields(PruneConfig)}
        assert PruneConfig(**json.loads(json.dumps(kept))) == config


def test_what_is_left_out_is_the_same_on_all_three_ways() -> None:
    assert from_options({}) == PruneConfig() == from_recipe({"budget": {"macs": 0.5}})
    assert PruneConfig().budget == {"macs": 0.5}
    assert PruneConfig(layers={"a": 0.5}).budget is None


WRONG = st.one_of(
    st.sampled_from([0.0, -1.0, 1.5, 50.0, 1e300]).map(lambda share: {"budget": {"macs": share}}),
    st.just({"budget": {"flops": 0.5}}),
    st.sampled_from([0.0, -1.0, 1.5, 50.0]).map(lambda share: {"layers": {"wide*": share}}),
    st.integers(-9, 0).map(lambda number: {"round_to": number}),
    st.integers(-9, 0).map(lambda number: {"min_channels": number}),
    st.sampled_from([-0.1, 1.01, 1e300]).map(lambda floor: {"floor": floor}),
)


@settings(max_examples=12)
@given(WRONG)
def test_a_value_out_of_range_is_the_same_sentence_on_all_three_ways(
    wrong: dict[str, Any],
) -> None:
    ((name, _),) = wrong.items()
    asked = wrong if name in ("budget", "layers") else {"budget": {"macs": 0.5}, **wrong}
    with pytest.raises(SegpruneError) as refused:
        PruneConfig(**asked)
    sentence = str(refused.value)
    assert sentence.startswith(name)
    with pytest.raises(type(refused.value)) as again:
        segprune.make_plan(NET, GRAPH, **asked)
    assert str(again.value) == sentence
    with pytest.raises(InputError) as of_recipe:
        from_recipe(asked)
    assert f"recipe.toml: pruning.{sentence.removesuffix('.')}" in str(of_recipe.value)
    jobs, said, status = run(*typed(asked))
    assert (jobs, status) == ([], 2)
    option = "--layer" if name == "layers" else f"--{name.replace('_', '-')}"
    assert said.startswith(f"error: {option}")
    assert said.endswith(sentence.partition(": ")[2])


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("budget", 0.5, BudgetError), ("budget", {"macs": True}, BudgetError),
        ("budget", {"macs": "half"}, BudgetError), ("budget", {}, BudgetError),
        ("budget", {"macs": 0.5, "params": 0.5}, BudgetError),
        ("budget", {"macs": float("nan")}, BudgetError),
        ("layers", {}, PlanError), ("layers", 0.5, PlanError), ("layers", {1: 0.5}, PlanError),
        ("layers", {"wide": None}, BudgetError),
        ("scope", "layer", PlanError), ("scope", None, PlanError),
        ("round_to", 8.0, InputError), ("round_to", True, InputError),
        ("min_channels", "4", InputError),
        ("floor", "low", InputError), ("floor", float("nan"), InputError),
        ("normalize", 1, InputError), ("seed", 1.0, InputError), ("seed", True, InputError),
        ("ignored_layers", "head", InputError), ("ignored_layers", None, InputError),
        ("ignored_layers", [3], InputError),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_refused_by_the_field_s_name(
    name: str, value: Any, kind: type[SegpruneError]
) -> None:
    with pytest.raises(kind, match=rf"^{name}\b.*: expected .*, found "):
        PruneConfig(**{name: value})
    if name != "layers" or value:  # `layers = {}` is a recipe's way to name none
        with pytest.raises(kind, match=rf"^{name}\b"):
            segprune.make_plan(NET, GRAPH, **{name: value})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('ignored_layers = "head"', "pruning.ignored_layers: expected a list"),
        ("normalize = 1", "pruning.normalize: expected True or False"),
        ('scope = "layer"', "pruning.scope: expected 'global' or 'local'"),
        ("round_to = 2.5", "pruning.round_to: "),
        ("seed = 3", "pruning.seed: expected a known field"),
        ('ignore = ["a"]\nignored_layers = ["b"]', "pruning.ignore: expected a known field"),
    ],
)
def test_a_recipe_names_the_field_that_is_wrong(text: str, named: str) -> None:
    content = tomllib.loads(recipe_text({"budget": {"macs": 0.5}}, text))
    with pytest.raises(InputError) as error:
        parse_recipe(content, "recipe.toml")
    assert named in str(error.value)
    assert ".. " not in str(error.value)


def test_a_recipe_names_all_of_its_wrong_fields() -> None:
    content = tomllib.loads(recipe_text({"budget": {"macs": 5}, "floor": 7, "round_to": 0}))
    with pytest.raises(InputError) as error:
        parse_recipe(content, "recipe.toml")
    for field in ("budget['macs']", "floor", "round_to"):
        assert f"pruning.{field}: expected" in str(error.value)


def test_budget_and_layers_exclude_each_other_on_all_three_ways() -> None:
    both = {"budget": {"macs": 0.5}, "layers": {"wide*": 0.5}}
    with pytest.raises(BudgetError, match="budget: expected none beside layers"):
        PruneConfig(**both)
    with pytest.raises(BudgetError, match="budget: expected none beside layers"):
        segprune.make_plan(NET, GRAPH, **both)
    with pytest.raises(InputError, match="either a budget or layers"):
        from_recipe(both)
    _, said, status = run(*typed(both))
    assert said.startswith("error: --budget: expected none")
    assert status == 2
    with pytest.raises(PlanError, match="layers: expected none beside a mapping as scope"):
        segprune.make_plan(NET, GRAPH, layers={"wide*": 0.5}, scope={"wide*": 0.5})


# -- the object itself -----------------------------------------------------------------------------


def test_a_config_cannot_be_changed_not_even_through_what_it_was_made_of() -> None:
    shares, ignored = {"macs": 0.5}, ["stem"]
    config = PruneConfig(budget=shares, ignored_layers=ignored)
    shares["macs"], ignored[0] = 7.0, "head"
    assert (config.budget, config.ignored_layers) == ({"macs": 0.5}, ("stem",))
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.floor = 2  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.budget["macs"] = 7.0  # type: ignore[index]
    with pytest.raises(InputError, match="floor"):
        dataclasses.replace(config, floor=2)


def test_copies_of_a_config_are_equal_and_hash_alike() -> None:
    for config in (PruneConfig(seed=3), PruneConfig(layers={"a": 0.5}, ignored_layers=["b"])):
        for other in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
            assert other == config
            assert hash(other) == hash(config)
    assert PruneConfig(seed=3) != PruneConfig(seed=4)


def test_functions_and_modules_are_noted_by_name() -> None:
    def mine(evidence: segprune.Evidence) -> Any:
        return {("stem.weight", 0): torch.arange(16.0)}

    class Mine:
        def __call__(self, evidence: segprune.Evidence) -> Any:
            return mine(evidence)

    for importance, name in ((mine, "mine"), (Mine(), "Mine")):
        plan = segprune.make_plan(NET, GRAPH, importance=importance, ignored_layers=[NET.head])
        notes = segprune.PrunePlan.from_json(plan.to_json()).notes
        assert (notes["importance"], notes["ignored_layers"]) == (name, ["Conv2d"])


def test_a_config_stands_alone() -> None:
    config = PruneConfig(seed=3)
    for options in ({"budget": {"macs": 0.5}}, {"round_to": 2, "seed": 3}):
        with pytest.raises(InputError, match=rf"config: .*, found {', '.join(options)};"):
            segprune.make_plan(NET, GRAPH, config=config, **options)
    with pytest.raises(InputError, match="config: expected a PruneConfig, found dict"):
        segprune.make_plan(NET, GRAPH, config={"seed": 3})  # type: ignore[arg-type]


def test_every_kind_of_budget_can_be_counted() -> None:
    assert set(KINDS) == set(TERMS)


# -- earlier names ---------------------------------------------------------------------------------


def test_the_recipe_s_old_name_means_the_same_and_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "old.toml"
    path.write_text(recipe_text({"budget": {"macs": 0.5}}, 'ignore = ["head"]'))
    with pytest.warns(
        SegpruneWarning, match=r"pruning\.ignore: .* pruning\.ignored_layers"
    ) as said:
        old = read_recipe(path)
    assert len(said) == 1
    new = from_recipe({"budget": {"macs": 0.5}, "ignored_layers": ["head"]})
    assert old.pruning is not None
    assert old.pruning.build(old.seed) == new


def test_the_old_option_means_the_same_is_hidden_and_is_said_once() -> None:
    (job,), said, _ = run("--ignore", "stem", "--ignored-layers", "wide")
    assert job.config.ignored_layers == ("stem", "wide")  # as typed
    assert said.count("note:") == said.count("--ignore:") == 1
    assert job.command[3:] == ("--ignored-layers", "stem", "--ignored-layers", "wide")
    shown = CliRunner().invoke(app, ["prune", "--help"], env={"COLUMNS": "200"}).stdout
    assert "--ignored-layers" in shown
    assert "--ignore " not in shown


def test_recorded_options_are_those_that_differ_from_a_plan_s_own_defaults() -> None:
    (job,), _, _ = run("--no-normalize", "--floor", "0.1", "--scope", "local", "--seed", "2")
    assert job.command[3:] == ("--scope", "local", "--seed", "2", "--no-normalize")
    assert run()[0][0].command[3:] == ()


OLD = """
name = "old"
[network]
model = "bisenetv2"
init_from = "dense.safetensors"
[data]
name = "streets"
[training]
epochs = 2
[pruning]
budget = { macs = 0.5 }
ignore = ["head.*"]
floor = 0.2
"""


def test_the_digest_of_a_recipe_is_what_earlier_versions_kept_in_their_checkpoints() -> None:
    """Both were computed by the version before the field was renamed."""
    old = parse_recipe(tomllib.loads(OLD), "old.toml")
    assert old.digest() == "fa8dac5522cdeb344948f483a04b961eca8c50fd4c24ed17168b37b174942547"
    bare = parse_recipe(tomllib.loads(OLD.replace('ignore = ["head.*"]\n', "")), "old.toml")
    assert bare.digest() == "fb1fed4c4a4b4ee84852793c4dc031bbbf6ce9df0df88b94c99cb4d49165cc4f"
    other = parse_recipe(tomllib.loads(OLD + "normalize = false\n"), "old.toml")
    assert other.digest() != old.digest()


def test_a_run_that_an_earlier_version_began_is_taken_up_without_a_note(tmp_path: Path) -> None:
    (tmp_path / "dense.safetensors").write_bytes(b"weights")
    text = OLD.replace("dense.saf", f"{tmp_path.as_posix()}/dense.saf")
    recipe = parse_recipe(tomllib.loads(text), "old.toml")
    with pytest.raises(KeyboardInterrupt), run_folder(recipe, tmp_path) as folder:
        raise KeyboardInterrupt
    (folder / "recipe.toml").write_text(in_earlier_words(recipe))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with run_folder(recipe, tmp_path) as again:
            assert again == folder


def in_earlier_words(recipe: Recipe) -> str:
    text = (
        to_toml(recipe).replace("ignored_layers = ", "ignore = ").replace("normalize = true\n", "")
    )
    assert "ignore = " in text
    return text


@pytest.mark.parametrize("name", ["widths", "layers"])
def test_dense_widths_are_read_from_new_plans_and_from_plans_of_earlier_versions(
    name: str,
) -> None:
    kept = {"stem.weight": {0: (0, 2)}}
    plan = segprune.PrunePlan("a", kept, {}, "b", {name: [["stem.weight", 0, 16]]})
    assert widths_of(plan) == [Width("stem", 16, 2)]
    shares = {"layers": {"stem": 0.1}}
    both = segprune.PrunePlan("a", kept, {}, "b", shares | {"widths": [["stem.weight", 0, 16]]})
    assert widths_of(both) == [Width("stem", 16, 2)]
    assert [width.dense for width in widths_of(dataclasses.replace(both, notes=shares))] == []
