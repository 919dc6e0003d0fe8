"""Errors have one root, so that a caller can catch all of them; renamed spellings are announced."""

from __future__ import annotations

import inspect

import pytest

from segprune import errors


def test_every_error_has_the_one_root_and_a_sentence_about_itself() -> None:
    found = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    raised = [kind for kind in found if not issubclass(kind, Warning)]
    assert len(raised) > 5
    assert all(issubclass(kind, errors.SegpruneError) for kind in raised)
    assert all((kind.__doc__ or "").strip().endswith(".") for kind in found)
    assert not issubclass(errors.SegpruneError, (ValueError, OSError))


def test_every_error_can_be_imported_by_name() -> None:
    public = {name for name, kind in inspect.getmembers(errors, inspect.isclass)}
    assert public | {"warn_renamed"} == set(errors.__all__)


def test_an_old_spelling_is_announced_with_the_new_one_and_where_it_is_written() -> None:
    def called() -> None:
        errors.warn_renamed("ignore", "ignored_layers")

    with pytest.warns(errors.SegpruneWarning, match=r"ignore: .*write ignored_layers") as seen:
        called()
    assert seen[0].filename == __file__
