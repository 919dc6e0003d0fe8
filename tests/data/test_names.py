"""Names of data sets and their folders, checked before torch is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from segprune.data.names import NAMES, folder_of, require_folder
from segprune.data.opening import open_dataset
from segprune.errors import InputError


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_opened_or_asks_for_its_folder(name: str) -> None:
    if name == "streets":
        assert len(open_dataset(name, count=1)) == 1
        return
    with pytest.raises(InputError, match="root"):
        open_dataset(name)


def test_a_folder_that_is_not_there_is_named_with_what_should_be_in_it(tmp_path: Path) -> None:
    require_folder(None, "images")
    require_folder(tmp_path, "images")
    file = tmp_path / "a.png"
    file.touch()
    for path, found in ((file, "a file"), (tmp_path / "b", "nothing")):
        with pytest.raises(InputError) as caught:
            require_folder(path, folder_of("camvid"), "look again")
        assert str(caught.value) == (
            f"{path}: expected the folder of camvid, found {found}; look again."
        )


def test_no_torch_is_needed_for_that() -> None:
    code = "import sys, segprune.data.names; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
