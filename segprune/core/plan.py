"""A prune plan: which indices of which tensors stay. Immutable, composable, plain JSON on disk."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import index
from types import MappingProxyType
from typing import Any

from segprune.core.strict_json import parse_json
from segprune.errors import PlanError

__all__ = ["SCHEMA", "Kept", "PrunePlan"]

SCHEMA = "segprune.plan/1"

Kept = Mapping[str, Mapping[int, tuple[int, ...]]]


@dataclass(frozen=True, eq=False)
class PrunePlan:
    """What stays of a network, as indices into its dense tensors.

    Attributes:
        network: digest of the names and shapes of the dense network's tensors.
        kept: state-dict name (parameters and buffers, under every name that tied tensors have) ->
            dimension -> kept indices in rising order, for every tensor that changes.
        attributes: module path -> attribute -> new value, for module attributes that count
            channels and cannot be told from the module's own tensors.
        result: digest of the names and shapes after pruning; `then` needs it.
        notes: how the plan was made (budget, importance, seed, …); not part of the digest.
    """

    network: str
    kept: Kept
    attributes: Mapping[str, Mapping[str, int]]
    result: str
    notes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, value in (("network", self.network), ("result", self.result)):
            if not isinstance(value, str):
                raise PlanError(
                    f"plan: expected a digest as its {key}, found {value!r}; make it with "
                    "make_plan."
                )
        try:
            kept = {
                name: MappingProxyType(
                    {index(dim): tuple(map(index, rows)) for dim, rows in dims.items()}
                )
                for name, dims in sorted(self.kept.items())
            }
            attributes = {
                name: MappingProxyType(dict(sorted(values.items())))
                for name, values in sorted(self.attributes.items())
            }
        except (AttributeError, TypeError, ValueError) as error:
            raise PlanError(
                f"plan: expected kept as name -> dimension -> indices and attributes as module -> "
                f"name -> count, found something else ({type(error).__name__}: {error}); make it "
                "with make_plan."
            ) from error
        object.__setattr__(self, "kept", MappingProxyType(kept))
        object.__setattr__(self, "attributes", MappingProxyType(attributes))
        object.__setattr__(self, "notes", MappingProxyType(dict(self.notes)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PrunePlan) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"PrunePlan({len(self.kept)} tensors change, digest {self.digest[:12]})"

    def __deepcopy__(self, memo: dict[int, Any]) -> PrunePlan:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return PrunePlan.from_json, (self.to_json(),)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is removed."""
        return not self.kept

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the plan does; two plans that do the same are equal."""
        return hashlib.sha256(_canonical(self._content()).encode()).hexdigest()

    def then(self, second: PrunePlan) -> PrunePlan:
        """This plan and one made for the network it leads to, as one plan from the dense network.

        Raises:
            PlanError: `second` was made for another network, or its indices do not fit.
        """
        if not isinstance(second, PrunePlan):
            raise PlanError(
                f"second plan: expected a PrunePlan, found {type(second).__name__}; "
                "read a file with PrunePlan.from_json(text)."
            )
        if second.network != self.result:
            raise PlanError(
                f"second plan: expected one made for the pruned network {self.result[:12]}, found "
                f"one for {second.network[:12]}; make it with make_plan(prune(model, first), …)."
            )
        kept: dict[str, dict[int, tuple[int, ...]]] = {
            name: dict(dims) for name, dims in self.kept.items()
        }
        for name, dims in second.kept.items():
            ours = kept.setdefault(name, {})
            for dim, rows in dims.items():
                before = ours.get(dim)
                if before is not None and not all(0 <= row < len(before) for row in rows):
                    raise PlanError(
                        f"second plan: expected indices below {len(before)} along dimension {dim} "
                        f"of {name}, found others; make it with make_plan(prune(model, first), …)."
                    )
                ours[dim] = rows if before is None else tuple(before[row] for row in rows)
        attributes = {name: dict(values) for name, values in self.attributes.items()}
        for name, values in second.attributes.items():
            attributes.setdefault(name, {}).update(values)
        notes = {"rounds": [*_rounds(self.notes), *_rounds(second.notes)]}
        return PrunePlan(self.network, kept, attributes, second.result, notes)

    def without(self, names: Iterable[str], network: str, result: str) -> PrunePlan:
        """The plan for the same network less some tensors (auxiliary heads, say)."""
        gone = set(names)
        kept = {name: dims for name, dims in self.kept.items() if name not in gone}
        return PrunePlan(network, kept, self.attributes, result, self.notes)

    # -- JSON ----------------------------------------------------------------------------------

    def _content(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "network": self.network,
            "result": self.result,
            "kept": {
                name: {str(dim): list(rows) for dim, rows in sorted(dims.items())}
                for name, dims in self.kept.items()
            },
            "attributes": {name: dict(values) for name, values in self.attributes.items()},
        }

    def to_json(self) -> str:
        """One JSON object with a schema version; `from_json` reads it back."""
        return _canonical({**self._content(), "notes": dict(self.notes), "digest": self.digest})

    @classmethod
    def from_json(cls, text: str) -> PrunePlan:
        """Read a plan.

        Raises:
            PlanError: not JSON, another schema, a field missing or of the wrong form, or a digest
                that does not match the content.
        """
        try:
            data = parse_json(text)
        except (ValueError, TypeError) as error:
            raise PlanError(
                f"plan: expected a JSON object, found {error}; write it with plan.to_json()."
            ) from error
        schema = data.get("schema") if isinstance(data, dict) else None
        if schema != SCHEMA:
            raise PlanError(
                f"plan: expected schema {SCHEMA!r}, found {schema!r}; "
                "make the plan again with this version of segprune."
            )
        try:
            kept = {
                str(name): {_dimension(dim): _indices(rows) for dim, rows in dims.items()}
                for name, dims in data["kept"].items()
            }
            attributes = {
                str(name): {str(key): _count(value) for key, value in values.items()}
                for name, values in data["attributes"].items()
            }
            notes = data.get("notes", {})
            if not isinstance(notes, dict):
                raise ValueError(f"expected notes by name, found {notes!r}")
            plan = cls(str(data["network"]), kept, attributes, str(data["result"]), notes)
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise PlanError(
                f"plan: expected the fields network, result, kept and attributes, found a "
                f"malformed file ({type(error).__name__}: {error}); make the plan again."
            ) from error
        if data.get("digest") != plan.digest:
            raise PlanError(
                f"plan: expected digest {plan.digest[:12]}, found {str(data.get('digest'))[:12]}; "
                "the file was changed after it was written. Make the plan again."
            )
        return plan


def _canonical(data: Any) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _dimension(text: str) -> int:
    if not text.isdecimal() or str(int(text)) != text:
        raise ValueError(f"expected the number of a dimension, found {text!r}")
    return int(text)


def _indices(rows: Any) -> tuple[int, ...]:
    kept = tuple(_whole(row) for row in rows)
    if not kept or any(b <= a for a, b in itertools.pairwise(kept)) or kept[0] < 0:
        raise ValueError("kept indices must be non-negative, rising and not empty")
    return kept


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"expected whole numbers, found {value!r}")
    return value


def _count(value: Any) -> int:
    """A number of channels or groups: no axis becomes empty."""
    if _whole(value) < 1:
        raise ValueError(f"expected a count of at least 1, found {value}")
    return int(value)


def _rounds(notes: Mapping[str, Any]) -> list[Any]:
    return list(notes["rounds"]) if "rounds" in notes else [dict(notes)]
