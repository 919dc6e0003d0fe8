"""A sweep that an earlier version began is gone on with, though a field has another name since."""

from __future__ import annotations

from pathlib import Path

import pytest

from segprune.errors import InputError
from sweep.world import swept

FEW = ("budgets=[0.5]", 'importances=["random"]', 'scopes=["global"]', 'recoveries=["none"]')


def test_a_folder_in_earlier_words_is_of_the_same_sweep(here: Path, tmp_path: Path) -> None:
    base = here / "base.toml"
    written = base.read_text()
    base.write_text(written + '[pruning]\nbudget = { macs = 0.5 }\nignored_layers = ["head"]\n')
    try:
        _, first = swept(here, tmp_path, *FEW)
        kept = tmp_path / "small" / "networks" / "net.toml"
        text = kept.read_text().replace("ignored_layers = ", "ignore = ")
        kept.write_text(text.replace("normalize = true\n", ""))
        assert "\nignore = " in kept.read_text()
        _, again = swept(here, tmp_path, *FEW)
        assert (len(first) > 0, again) == (True, [])
        kept.write_text(kept.read_text().replace('ignore = ["head"]', "ignore = []"))
        with pytest.raises(InputError, match="found one of another"):
            swept(here, tmp_path, *FEW)
    finally:
        base.write_text(written)
