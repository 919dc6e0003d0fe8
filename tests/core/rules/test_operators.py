"""Registering a rule: by one name or several, never twice."""

from __future__ import annotations

from typing import Any

import pytest

from segprune.core.rules import operators
from segprune.core.rules.operators import rule, understood


def test_a_rule_is_known_by_all_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operators, "RULES", {})
    monkeypatch.setattr(operators, "CREATIONS", set())

    @rule("first", "mine.second", creates=True)
    def own(propagation: Any, node: Any) -> None: ...

    assert {"aten.first": own, "mine.second": own} == operators.RULES
    assert {"aten.first", "mine.second"} == operators.CREATIONS
    assert understood("aten.first")
    assert not understood("aten.third")


def test_a_second_rule_for_an_operator_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"aten\.relu: a second rule"):
        rule("relu")(lambda propagation, node: None)
