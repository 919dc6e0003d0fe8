"""Artefacts whose header was rewritten with fitting digests are refused before a build."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import segprune
from segprune.errors import ArtifactError

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pruned built-in network of 3 classes, very narrow."""
    path = tmp_path_factory.mktemp("artefact") / "small.safetensors"
    model = segprune.build("bisenetv2", num_classes=3, width=0.1, aux=False).eval()
    plan = segprune.make_plan(model, torch.rand(1, 3, 64, 64), budget={"macs": 0.6})
    segprune.save(path, segprune.prune(model, plan), plan, metadata={"input": [1, 3, 64, 64]})
    return path


def rewritten(original: Path, folder: Path, change: Change, raw: Callable[[str], str]) -> Path:
    """Copy an artefact and change its header as an expert on the format would: its digests fit.

    Reads and writes the bytes of a safetensors file by hand.
    """
    content = original.read_bytes()
    size = int.from_bytes(content[:8], "little")
    head, body = json.loads(content[8 : 8 + size]), content[8 + size :]
    own = json.loads(head["__metadata__"]["segprune"])
    change(own)
    own["payload"] = digest_by_hand(own, head, body)
    head["__metadata__"]["segprune"] = raw(json.dumps(own))
    text = json.dumps(head).encode()
    path = folder / "changed.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


def digest_by_hand(own: dict[str, Any], head: dict[str, Any], body: bytes) -> str:
    facts = {key: value for key, value in own.items() if key != "payload"}
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    types = {"F32": "float32", "I64": "int64", "F16": "float16"}
    for name in sorted(set(head) - {"__metadata__"}):
        entry = head[name]
        begin, end = entry["data_offsets"]
        shape = tuple(entry["shape"])
        digest.update(f"{name} torch.{types[entry['dtype']]} {shape}\n".encode())
        digest.update(body[begin:end])
    return digest.hexdigest()


def setting(*keys: Any, to: Any) -> Change:
    def change(own: dict[str, Any]) -> None:
        for key in keys[:-1]:
            own = own[key]
        own[keys[-1]] = to

    return change


def first_of(field: str, to: Any) -> Change:
    def change(own: dict[str, Any]) -> None:
        own[field][next(iter(own[field]))] = to

    return change


def in_plan(*keys: Any, to: Any) -> Change:
    """Change the plan, and make its digest fit."""

    def change(own: dict[str, Any]) -> None:
        setting("plan", *keys, to=to)(own)
        content = {k: v for k, v in own["plan"].items() if k not in ("digest", "notes")}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        own["plan"]["digest"] = hashlib.sha256(text.encode()).hexdigest()

    return change


def unchanged(text: str) -> str:
    return text


CHANGES: dict[str, tuple[Change, str]] = {
    "a billion classes": (setting("spec", "options", "num_classes", to=10**9), "network"),
    "no classes": (setting("spec", "options", "num_classes", to=0), "num_classes"),
    "classes in words": (setting("spec", "options", "num_classes", to="3"), "num_classes"),
    "an infinite width": (setting("spec", "options", "width", to=1e300), "spec|options|network"),
    "an option of another function": (setting("spec", "options", "name", to="icnet"), "name"),
    "a network of no such name": (setting("spec", "name", to="resnet"), "resnet"),
    "another network of ours": (setting("spec", "name", to="icnet"), "network"),
    "a network without options": (setting("spec", to={"name": "bisenetv2"}), "spec"),
    "a spec in words": (setting("spec", to="bisenetv2"), "spec"),
    "options as a list": (setting("spec", "options", to=[1, 2]), "spec"),
    "the name of a module as a type": (first_of("types", "nn"), "types"),
    "a function as a type": (first_of("types", "load"), "types"),
    "a number as a type": (first_of("types", 3), "types"),
    "types as a list": (setting("types", to=[]), "types"),
    "no types": (setting("types", to={}), "types"),
    "one tensor without names": (first_of("ties", []), "ties"),
    "a number among the names": (first_of("ties", [1]), "ties"),
    "ties as a list": (setting("ties", to=[1]), "ties"),
    "a strange tensor in channels_last": (setting("channels_last", to=["x"]), "channels_last"),
    "channels_last as a number": (setting("channels_last", to=3), "channels_last"),
    "settings as a list": (setting("settings", to=[]), "settings"),
    "settings of a module as a number": (setting("settings", to={"head": 3}), "settings"),
    "no groups": (in_plan("attributes", to={"head.0": {"groups": 0}}), "at least 1"),
    "less than no groups": (in_plan("attributes", to={"head.0": {"groups": -1}}), "at least 1"),
    "half a group": (in_plan("attributes", to={"head.0": {"groups": 0.5}}), "whole"),
    "attributes as a list": (in_plan("attributes", to=[]), "plan"),
    "a dimension in words": (in_plan("kept", to={"x": {"rows": [0]}}), "dimension"),
    "a dimension below zero": (in_plan("kept", to={"x": {"-1": [0]}}), "dimension"),
    "notes as a list": (setting("plan", "notes", to=[]), "notes"),
    "a plan in words": (setting("plan", to="half"), "plan"),
    "a network that is a number": (setting("network", to=3), "network"),
    "metadata as a list": (setting("metadata", to=[]), "metadata"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_header_with_a_field_that_cannot_be_is_refused(
    original: Path, tmp_path: Path, case: str
) -> None:
    change, named = CHANGES[case]
    path = rewritten(original, tmp_path, change, unchanged)
    with pytest.raises(ArtifactError, match=named):
        segprune.load(path)


RAW: dict[str, tuple[Callable[[str], str], str]] = {
    "NaN": (lambda text: text.replace("{", '{"x": NaN, ', 1), "NaN"),
    "infinity": (lambda text: text.replace("{", '{"x": Infinity, ', 1), "Infinity"),
    "a key twice": (lambda text: text.replace("{", '{"network": "A", ', 1), "twice"),
    "a deep key twice": (
        lambda text: text.replace('"options": {', '"options": {"aux": true, ', 1),
        "twice",
    ),
    "no object": (lambda text: "[1, 2]", "header"),
    "deep nesting": (lambda text: "[" * 100_000, "header"),
}


@pytest.mark.parametrize("case", RAW)
def test_a_header_that_no_json_writer_makes_is_refused(
    original: Path, tmp_path: Path, case: str
) -> None:
    raw, named = RAW[case]
    path = rewritten(original, tmp_path, lambda own: None, raw)
    for read in (segprune.load, segprune.read_header):
        with pytest.raises(ArtifactError, match=named):
            read(path)


def test_a_header_that_was_written_again_without_a_change_is_read(
    original: Path, tmp_path: Path
) -> None:
    path = rewritten(original, tmp_path, lambda own: None, unchanged)
    assert isinstance(segprune.load(path), nn.Module)
    assert segprune.read_header(path).input == (1, 3, 64, 64)


@pytest.mark.parametrize("given", [3, "1x3x64x64", [1, 3, 64], [1, 3, 0, 64], [1, 3, 64.5, 64]])
def test_an_input_size_that_is_none_is_refused_where_it_is_read(
    original: Path, tmp_path: Path, given: Any
) -> None:
    path = rewritten(original, tmp_path, setting("metadata", "input", to=given), unchanged)
    with pytest.raises(ArtifactError, match=r"metadata\.input"):
        _ = segprune.read_header(path).input
