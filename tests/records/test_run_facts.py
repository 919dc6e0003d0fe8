"""What a run knows is in its record; files of earlier versions get it from their names, once."""

from __future__ import annotations

import ast
import dataclasses
import json
from pathlib import Path

import pytest

from benchmarks.readme import ROOT
from reporting.records import recipe, training
from reporting.rows import rows_of
from segprune.errors import ArtifactError
from segprune.records.io import from_json, read_record, to_json, write_record
from segprune.records.run_facts import named, recipe_digest, with_facts, without_facts
from segprune.records.training import TrainingRecord
from segprune.reporting import Collection, Policy, read_collection
from segprune.reporting.trained import CONTINUED, DENSE

COMMITTED = ROOT / "benchmarks" / "records"


@pytest.mark.parametrize(
    ("name", "data", "model", "said"),
    [
        ("icnet-streets-macs50", "streets", "icnet", ("icnet", "macs50")),
        ("icnet-streets-macs50-seed12", "streets", "icnet", ("icnet", "macs50")),
        ("slim-net-camvid-dense", "camvid", "icnet", ("slim-net", "dense")),
        ("half", "folder", "my_package.networks:make", ("make", "half")),
        ("half.seed-3", "folder", "icnet", ("icnet", "half")),
    ],
)
def test_an_earlier_name_says_network_and_variant(
    name: str, data: str, model: str, said: tuple[str, str]
) -> None:
    assert named(name, data, model) == said


def test_seeds_of_one_recipe_have_one_digest_and_no_other_recipe_has_it() -> None:
    first = recipe("icnet", "streets", "icnet-streets-a", 0, more='init_from = "x.safetensors"\n')
    again = recipe("icnet", "streets", "icnet-streets-a-seed1", 1, more='init_from = "y"\n')
    longer = recipe("icnet", "streets", "icnet-streets-a", 0, 61, 'init_from = "x.safetensors"\n')
    one, other = ('average_of = ["a", "b"]\n', 'average_of = ["c", "d", "e"]\n')
    assert recipe_digest(first) == recipe_digest(again) != recipe_digest(longer)
    assert recipe_digest(one) != recipe_digest(other)
    assert recipe_digest(one) == recipe_digest(one.replace('"a"', '"another"'))


def test_a_stated_fact_counts_and_not_the_name() -> None:
    stated = dataclasses.replace(
        training(variant="macs50", share=0.5), name="tuesday", network="bisenetv2", data="streets",
        variant="macs50", recipe=recipe("bisenetv2", "streets", "tuesday", 0),
    )  # fmt: skip
    policy = Policy({}, {}, {}, {}, 1)
    variants = [row.trained.variant for row in rows_of(policy, training(), stated)]
    assert variants == ["dense", "macs50"]


def test_a_file_without_facts_is_read_and_written_as_it_was(tmp_path: Path) -> None:
    path = COMMITTED / "icnet-streets-macs50-seed1.json"
    record = read_record(TrainingRecord, path)
    assert (record.network, record.data, record.variant, record.recipe_digest) == ("",) * 4
    full = with_facts(record)
    assert (full.network, full.data, full.variant) == ("icnet", "streets", "macs50")
    assert to_json(without_facts(full)) == path.read_text("utf-8")
    assert without_facts(dataclasses.replace(full, variant="x")).variant == "x"
    write_record(tmp_path / "new.json", full)
    assert from_json(TrainingRecord, (tmp_path / "new.json").read_text("utf-8")) == full


def test_the_digest_of_records_does_not_depend_on_whether_facts_are_stated() -> None:
    record = training(variant="macs50", share=0.5)
    assert Collection((record,)).digest == Collection((with_facts(record),)).digest
    other = dataclasses.replace(with_facts(record), variant="other")
    assert Collection((record,)).digest != Collection((other,)).digest


@pytest.mark.parametrize("field", ["data", "recipe_digest"])
def test_a_fact_that_the_recipe_contradicts_is_refused(tmp_path: Path, field: str) -> None:
    content = json.loads((COMMITTED / "icnet-streets-macs50.json").read_text("utf-8"))
    content |= {"data": "streets", "recipe_digest": recipe_digest(content["recipe"])}
    path = tmp_path / "record.json"
    path.write_text(json.dumps(content), "utf-8")
    assert read_collection(tmp_path).trainings
    path.write_text(json.dumps(content | {field: "camvid"}), "utf-8")
    with pytest.raises(ArtifactError, match=rf"recipe.*{field}|{field}.*recipe"):
        read_collection(tmp_path)


def test_no_other_module_takes_the_name_of_a_record_apart() -> None:
    """Of `record.name`, `cell.name` and the like, whatever cuts a text in pieces."""
    cuts = {"partition", "rpartition", "split", "rsplit", "removesuffix", "removeprefix",
            "startswith", "endswith", "sub", "match", "search"}  # fmt: skip
    found = []
    for folder in ("records", "reporting", "workflows", "gates"):
        for path in sorted((ROOT / "segprune" / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                    continue
                parts = [node.func.value, *node.args]
                names = [ast.unparse(part) for part in parts]
                if path.name == "import_records.py" and node.func.attr == "removesuffix":
                    continue  # the name of a file to write, of which nothing is concluded
                if node.func.attr in cuts and any(
                    name.endswith((".name", ".cell")) and not name.startswith(("path", "file"))
                    for name in names
                ):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node)}")
    assert found == []


def test_the_variants_that_the_page_knows_by_name_are_those_of_the_records() -> None:
    variants = {record.variant for record in read_collection(COMMITTED).trainings}
    assert {DENSE, CONTINUED} <= variants
