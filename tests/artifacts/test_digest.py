"""The digest of an artefact changes with every fact and every number in it."""

from __future__ import annotations

import hashlib

import torch

from segprune.artifacts.digest import file_digest, payload_digest

HEADER = {"schema": 3, "network": "Net", "metadata": {"data": "streets"}}
TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "a.bias": torch.zeros(2)}


def test_it_does_not_depend_on_the_order_of_names_or_on_itself() -> None:
    usual = payload_digest(HEADER, TENSORS)
    turned = payload_digest(dict(reversed(HEADER.items())), dict(reversed(TENSORS.items())))
    assert usual == turned == payload_digest({**HEADER, "payload": "x"}, TENSORS)


def test_each_fact_and_each_number_changes_it() -> None:
    changed = [
        payload_digest({**HEADER, "network": "Other"}, TENSORS),
        payload_digest({**HEADER, "metadata": {}}, TENSORS),
        payload_digest(HEADER, {**TENSORS, "a.bias": torch.tensor([0.0, 1e-30])}),
        payload_digest(HEADER, {**TENSORS, "a.bias": torch.zeros(2).double()}),
        payload_digest(HEADER, {**TENSORS, "a.weight": TENSORS["a.weight"].view(3, 2)}),
        payload_digest(HEADER, {"b.weight": TENSORS["a.weight"], "a.bias": TENSORS["a.bias"]}),
    ]
    assert len({payload_digest(HEADER, TENSORS), *changed}) == 1 + len(changed)


def test_a_file_is_named_by_its_bytes() -> None:
    assert file_digest(b"abc") == hashlib.sha256(b"abc").hexdigest()
