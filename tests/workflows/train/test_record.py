"""A recipe's variant is a fact of the record, and the policy's budget of that name counts."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from segprune.cli import app
from segprune.records.run_facts import recipe_digest, with_facts
from training.tiny import PRUNING, SMALL, write_recipe
from workflows.train.runs import FROM_DENSE, record_of, recovered

POLICY = (
    'schema = "segprune.policy/1"\n[budgets.half]\nmiou_loss = -99.0\nclass_loss = 100.0\n'
    "speedup = 1.0\n"
)


def test_a_run_with_a_variant_records_it_whatever_its_name() -> None:
    record = record_of(recovered("training.epochs=0", "name=tuesday", "variant=half"))
    assert (record.network, record.data, record.variant) == ("camvid_net", "camvid", "half")
    assert record.recipe_digest == recipe_digest(record.recipe)
    assert with_facts(record) == record


def test_a_run_without_a_variant_leaves_it_to_its_name() -> None:
    record = record_of(recovered("training.epochs=0", "name=net-camvid-half-seed3"))
    assert (record.network, record.data, record.variant) == ("", "camvid", "")
    full = with_facts(record)
    assert (full.network, full.variant) == ("net", "half")


@pytest.mark.parametrize(("variant", "status"), [("half", 1), ("half-more", 1), ("other", 0)])
def test_a_policy_judges_the_variant(variant: str, status: int) -> None:
    Path("policy.toml").write_text(POLICY)
    write_recipe(Path.cwd(), SMALL + PRUNING)
    changes = [FROM_DENSE, "training.epochs=0", f"variant={variant}"]
    words = [word for change in changes for word in ("--set", change)]
    result = CliRunner().invoke(
        app, ["recover", "recipe.toml", *words, "--policy", "policy.toml", "--name", "tuesday"]
    )
    assert result.exit_code == status, result.output
