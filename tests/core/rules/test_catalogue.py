"""The rule table is complete: every operator in it is called by a network of the tests."""

from __future__ import annotations

from operators import CASES
from segprune.core.rules import catalogue
from segprune.core.rules.catalogue import RULES


def test_every_operator_of_the_table_is_called_by_a_network() -> None:
    assert {case.operator for case in CASES} == set(RULES)


def test_every_rule_comes_from_a_module_of_the_catalogue() -> None:
    modules = {function.__module__.rpartition(".")[2] for function in RULES.values()}
    assert modules <= set(catalogue.__all__)
