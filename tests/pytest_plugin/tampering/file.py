"""Done to the baseline's file."""

from __future__ import annotations

from pytest_plugin.repository import Repository
from pytest_plugin.tampering.registry import tamper


@tamper("found no such file; accept it: pytest --segprune-accept")
def the_baseline_is_deleted(repository: Repository) -> None:
    repository.baseline.unlink()


@tamper("expected a test that judges this baseline, found none")
def the_baseline_is_renamed(repository: Repository) -> None:
    repository.baseline.rename(repository.baseline.with_name("other.json"))


@tamper("case: expected 'mine-half', found 'another'")
def the_baseline_is_another_case_s(repository: Repository) -> None:
    repository.change(lambda c: c.update(case="another"))


@tamper("expected a JSON object")
def the_baseline_is_cut_short(repository: Repository) -> None:
    text = repository.baseline.read_text()
    repository.baseline.write_text(text[: len(text) // 2])


@tamper("expected a JSON record, found bytes that are no text")
def the_baseline_is_garbage(repository: Repository) -> None:
    repository.baseline.write_bytes(b"\xff\xfe\x00")


@tamper("expected schema 'segprune.baseline/2', found 'segprune.baseline/1'")
def the_baseline_has_another_schema(repository: Repository) -> None:
    repository.change(lambda c: c.update(schema="segprune.baseline/1"))


@tamper("field floors.speedup: expected a value, found none")
def a_floor_is_missing(repository: Repository) -> None:
    repository.change(lambda c: c["floors"].pop("speedup"))


@tamper("an unknown field")
def a_field_is_added(repository: Repository) -> None:
    repository.change(lambda c: c.update(skip=True))


@tamper("accepted: expected how it came about")
def its_history_is_gone(repository: Repository) -> None:
    repository.change(lambda c: c.update(accepted=[]))
