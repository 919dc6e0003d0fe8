"""A module's test is found from the module's path: `core/labels.py` has `core/test_labels.py`."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEAST = 0.9


def test_nearly_every_module_has_a_test_of_its_name_in_its_folder() -> None:
    modules = [p for p in (ROOT / "segprune").rglob("*.py") if not p.name.startswith("__")]
    without = []
    for module in modules:
        folder = ROOT / "tests" / module.relative_to(ROOT / "segprune").parent
        if not (folder / f"test_{module.stem}.py").exists():
            without.append(str(module.relative_to(ROOT)))
    assert len(without) <= (1 - LEAST) * len(modules), sorted(without)
