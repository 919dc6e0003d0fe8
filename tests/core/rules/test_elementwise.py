"""Element-wise operators: each operator, pruned, equals its twin."""

from __future__ import annotations

from operators.laws import (  # noqa: F401
    test_a_network_with_the_operator_computes_what_its_twin_does,
    test_channels_can_go_beside_the_operator_exactly_where_zero_stays_zero,
    test_the_law_holds_for_other_channels_and_other_weights,
)
