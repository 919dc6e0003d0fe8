"""Tables of trained networks: the headline, the classes, and every measurement of speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from segprune.format import NOTHING, counted, points, shape_of, signed, table, times_range
from segprune.gates.policy import Policy
from segprune.records.evaluation import EvaluationRecord
from segprune.records.sweep import SpeedRecord
from segprune.reporting.dataset_report import Row, TargetResult
from segprune.reporting.trained import CONTINUED, DENSE, ELSEWHERE, Trained

__all__ = [
    "class_table", "evaluation_table", "headline_notes", "headline_table", "is_in_speed_table",
    "seeds_words", "speed_table", "split_notes",
]  # fmt: skip

_KINDS = {"kept": "kept", "missed": "**missed**", "open": "open", "none": NOTHING}


def headline_table(rows: Sequence[Row]) -> list[str]:
    """Return a line for each variant of each network."""
    lines = []
    for row in rows:
        trained = row.trained
        lines.append([
            trained.network,
            trained.variant + (" ◆" if row.dense is trained else ""),
            seeds_words(trained),
            _epochs(trained),
            f"{trained.params / 1e6:.3f} M{_share(trained, trained.params_share)}",
            f"{trained.macs / 1e9:.3f}{_share(trained, trained.macs_share)}",
            _miou(trained),
            NOTHING if row.dense is trained or row.loss is None else signed(-row.loss, 2),
            times_range(row.speed.speed if row.speed else None),
            _targets(row.targets),
        ])  # fmt: skip
    header = (
        "network", "variant", "seeds", "epochs", "parameters", "GMACs", "mIoU", "against dense ◆",
        "speed-up (95 %)", "target",
    )  # fmt: skip
    return table(header, lines, words=(0, 1, 2, 3, 9))


def headline_notes(rows: Sequence[Row], policy: Policy) -> list[str]:
    """Return what must be known to read the headline table."""
    inputs = {row.speed.at for row in rows if row.speed is not None}
    sizes = " or ".join(map(str, sorted(inputs)))
    at = f", input {sizes}" if sizes else ""
    notes = [
        "◆ dense: the better of the teacher and *dense-continued*, the teacher trained on as the "
        "recovery was. Epochs: on crops of H×W pixels. mIoU in percent on the whole validation "
        "split, differences before rounding. Several seeds: mean (lowest – highest). Speed-up: one "
        f"thread{_processors(rows)}{at}, dense and pruned measured in turn. Target: "
        f"`policy.toml`, on the mean of the seeds{_may_be_lost(rows)}{_gates_ask(rows, policy)}."
    ]
    notes += _about_recipes(rows)
    for network, of_network in groupby(rows, key=lambda row: row.trained.network):
        notes += _about_dense(network, list(of_network))
    notes += [
        f"{row.trained.title}: the mean of the weights of "
        f"{row.trained.parts} networks; what these took to train is not among its epochs."
        for row in rows
        if row.trained.parts > 1
    ]
    few = [
        row.trained.title
        for row in rows
        if row.targets.kind in ("kept", "missed")
        and row.trained.variant not in (DENSE, CONTINUED)
        and 1 < len(row.trained.records) < policy.headline_seeds
    ]
    if few:
        notes.append(f"Fewer than {policy.headline_seeds} seeds: {', '.join(few)}.")
    return notes


def _processors(rows: Sequence[Row]) -> str:
    """Return the processor of most measurements, and what was measured on others."""
    measured: dict[str, list[str]] = {}
    for row in rows:
        if row.speed is not None:
            measured.setdefault(row.speed.environment.cpu, []).append(row.trained.title)
    if not measured:
        return ""
    usual = max(measured, key=lambda cpu: len(measured[cpu]))
    others = [f"{cpu}: {', '.join(names)}" for cpu, names in measured.items() if cpu != usual]
    return f" of {usual}" + (f" ({'; '.join(others)})" if others else "")


def _may_be_lost(rows: Sequence[Row]) -> str:
    losses = [
        f"{row.trained.title} {row.budget.miou_loss:g}" for row in rows if row.budget is not None
    ]
    return f"; points of mIoU that may be lost: {', '.join(losses)}" if losses else ""


def _gates_ask(rows: Sequence[Row], policy: Policy) -> str:
    """Return a note if a gate may pass what this table calls missed."""
    less = any(row.budget is not None and row.budget.speedup > 1 for row in rows)
    if policy.speedup_share == 1 or not less:
        return ""
    share = policy.speedup_share
    return f"; this table asks for the whole gain in speed, gates for {share:g} of it"


def _about_recipes(rows: Sequence[Row]) -> list[str]:
    """Return the networks with their input sizes, and those with widths chosen by hand."""
    networks: dict[str, None] = {}
    # By plan, so that the mean of such networks is listed too.
    chosen = {
        record.plan
        for row in rows
        for record in row.trained.records
        if record.sections.get("pruning", {}).get("layers")
    }
    by_hand = []
    for row in rows:
        record = row.trained.records[0]
        options = record.sections["network"].get("options", {})
        given = ", ".join(f"{name}={value}" for name, value in options.items())
        size = shape_of(record.input, "×")
        networks[f"{row.trained.network} ({given + '; ' if given else ''}{size})"] = None
        if record.plan in chosen:
            by_hand.append(row.trained.title)
    notes = [f"Evaluated: {', '.join(networks)}."]
    if by_hand:
        notes.append(
            f"Widths of {', '.join(by_hand)}: given layer by layer in the recipe, and chosen by "
            "scores on this split."
        )
    return notes


def _about_dense(network: str, rows: Sequence[Row]) -> list[str]:
    own = {row.trained.variant: row.trained for row in rows}
    pruned = [row.trained for row in rows if not row.is_reference]
    if not any(row.dense for row in rows):
        if DENSE in own:
            return [
                f"{network}: the recoveries began with another network than the one recorded as "
                "dense, so the loss is unknown."
            ]
        return [f"{network}: no dense network is recorded, so the loss is unknown."]
    if CONTINUED not in own:
        if not pruned:
            return []
        if ELSEWHERE in own:
            return [
                f"{network}: dense was trained elsewhere, and no run of it is recorded; its scores "
                "are those that the recoveries measured before they pruned it. Part of what "
                "recovery won may be what more training wins."
            ]
        return [
            f"{network}: no *dense-continued* is recorded; dense is the teacher alone, and part of "
            "what recovery won may be what more training wins."
        ]
    steps = own[CONTINUED].records[0].work.steps
    longer = {
        trained.variant: trained.records[0].work.steps
        for trained in pruned
        # From random weights it takes the dense network's steps, too.
        if trained.records[0].source and trained.records[0].work.steps > steps
    }
    if not longer:
        return []
    names = ", ".join(f"{variant} {count}" for variant, count in longer.items())
    return [
        f"{network}: *dense-continued* took {steps} steps, fewer than these recoveries: {names}."
    ]


def class_table(rows: Sequence[Row]) -> list[str]:
    """Return the IoU of each class, and its difference to dense."""
    classes = rows[0].trained.records[0].classes
    lines = []
    for row in rows:
        trained = row.trained
        cells = []
        reference = row.dense.class_iou if row.dense else (None,) * len(classes)
        for iou, before in zip(trained.class_iou, reference, strict=True):
            change = ""
            if iou is not None and before is not None and row.dense is not trained:
                change = f" ({signed(100 * (iou - before))})"
            cells.append(points(iou) + change)
        lines.append([trained.network, trained.variant, *cells])
    return table(("network", "variant", *classes), lines, words=(0, 1))


def speed_table(rows: Sequence[Row], speeds: Sequence[SpeedRecord]) -> list[str]:
    """Return every measurement of a trained network, other devices and sizes included."""
    lines = []
    for row in rows:
        for record in speeds:
            if is_in_speed_table(record, row):
                speed = record.speed
                gpu = record.environment.gpu
                lines.append([
                    row.trained.network,
                    row.trained.variant,
                    f"{gpu or 'GPU'}" if speed.device == "cuda"
                    else f"{record.environment.cpu}, {counted(speed.threads, 'thread')}",
                    str(record.at),
                    f"{speed.reference_ms:.2f} → {speed.candidate_ms:.2f}",
                    f"{speed.reference_fps:.1f} → {speed.candidate_fps:.1f}",
                    times_range(speed),
                    str(speed.pairs),
                ])  # fmt: skip
    header = ("network", "variant", "on", "input", "ms", "FPS", "speed-up (95 %)", "pairs")
    return table(header, lines, words=(0, 1, 2, 3)) if lines else []


def is_in_speed_table(speed: SpeedRecord, row: Row) -> bool:
    """Return whether a measurement is in the table of speeds, in this row's network."""
    files = {record.artifact for record in row.trained.records}
    return speed.candidate_artifact in files or speed is row.speed


def evaluation_table(rows: Sequence[Row], found: Mapping[str, EvaluationRecord]) -> list[str]:
    """Return networks that were evaluated apart from their training, on another split or device."""
    names = {record.artifact: row.trained.title for row in rows for record in row.trained.records}
    lines = [
        [
            name,
            names.get(record.artifact or "", record.model),
            record.split,
            str(record.score.images),
            points(record.score.miou, 2),
            points(record.score.pixel_accuracy, 2),
            record.device,
            f"`{record.predictions[:12]}…`",
        ]
        for name, record in found.items()
    ]
    header = (
        "record", "network", "split", "images", "mIoU", "pixels right", "device", "predictions",
    )  # fmt: skip
    return table(header, lines, words=(0, 1, 2, 6, 7))


def split_notes(rows: Sequence[Row], found: Mapping[str, EvaluationRecord]) -> list[str]:
    """Return the mIoU of the same files on other splits, by which nothing was chosen."""
    scores: dict[str, list[str]] = {}
    for row in rows:
        files = {record.artifact for record in row.trained.records}
        digests = {record.validation_digest for record in row.trained.records}
        for record in found.values():
            if record.artifact in files and record.images_digest not in digests:
                miou = f"{points(record.score.miou, 2)} ({record.score.images} images)"
                scores.setdefault(record.split, []).append(f"{row.trained.title} {miou}")
    return [f"On the split {split}, one seed: {', '.join(n)}." for split, n in scores.items()]


def seeds_words(trained: Trained) -> str:
    """Return how many seeds there are, and whether each is the mean of several networks."""
    count = len(trained.records)
    if trained.variant == ELSEWHERE:
        return NOTHING
    if trained.parts == 1:
        return "one seed" if count == 1 else f"{count} seeds"
    mean = f"mean of {trained.parts} networks"
    return mean if count == 1 else f"{count} seeds, each the {mean}"


def _epochs(trained: Trained) -> str:
    if trained.variant == ELSEWHERE:
        return NOTHING
    recipe = trained.records[0].sections
    crop = recipe.get("augmentation", {}).get("crop")
    epochs = recipe["training"]["epochs"]
    return f"{epochs} on {crop[0]}×{crop[1]}" if crop and epochs else str(epochs)


def _miou(trained: Trained) -> str:
    mean = points(trained.miou, 2)
    if len(trained.records) == 1:
        return mean
    return f"{mean} ({points(min(trained.mious), 2)} – {points(max(trained.mious), 2)})"


def _share(trained: Trained, share: float) -> str:
    return "" if trained.is_dense else f" ({100 * share:.1f} %)"


def _targets(result: TargetResult) -> str:
    kind = _KINDS[result.kind]
    return f"{kind}: {'; '.join(result.reasons)}" if result.reasons else kind
