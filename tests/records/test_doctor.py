"""The report that is attached to an issue comes back whole, whether or not there is a trace."""

from __future__ import annotations

import dataclasses

from records.committed import stays_as_it_is
from segprune.records.doctor import DoctorRecord, TraceFindings
from segprune.records.environment import environment
from segprune.records.io import to_json
from segprune.records.prune import FrozenGroup

WHOLE = DoctorRecord(
    environment(),
    {"torch": "2.15.0", "onnx": "missing"},
    TraceFindings(
        "package.module:factory", (1, 3, 64, 64), "a" * 64, layers=3, channels=40, params=100,
        macs=2000, free_share=0.5, frozen=(FrozenGroup(("head",), 5, "it is the output", None),),
        unreached=("aux.weight",), untraced={"other": "no forward"}, needs_data="a size is read",
    ),
)  # fmt: skip


def test_a_report_with_a_trace_and_one_without_come_back() -> None:
    for record in (WHOLE, dataclasses.replace(WHOLE, trace=None)):
        assert stays_as_it_is(DoctorRecord, to_json(record)) == record


def test_a_network_that_could_not_be_traced_needs_its_name_and_the_error_alone() -> None:
    failed = TraceFindings("module:factory", (1, 3, 8, 8), error="module: not found")
    record = dataclasses.replace(WHOLE, trace=failed)
    found = stays_as_it_is(DoctorRecord, to_json(record))
    assert (found.trace.layers, found.trace.frozen) == (0, ())
