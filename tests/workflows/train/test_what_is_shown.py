"""What a recovery prints: each warning once, what each row is, what may go and what went."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn
from typer.testing import CliRunner

import segprune
from segprune.cli import app
from segprune.records.io import read_record
from segprune.records.training import TrainingRecord
from segprune.workflows.train.outcome import setbacks
from segprune.workflows.train.run import run_train
from training.tiny import PRUNING, SMALL, Net, camvid_net, write_recipe
from workflows.train.runs import FROM_DENSE, artifact_of, made


class Fixed(Net):
    """Counts on its 16 channels: they have to stay."""

    def __init__(self) -> None:
        super().__init__(classes=11)
        self.more = nn.Conv2d(16, 12, 1)
        self.last = nn.Conv2d(12, 11, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.norm(self.first(images)).view(-1, 16, images.shape[2] // 2, images.shape[3] // 2)
        return self.last(self.more(x[:, :16].sigmoid() + x.std(1, keepdim=True)))


def shown(*changes: str, text: str = SMALL + PRUNING) -> str:
    """Run a recovery in a terminal of 200 columns, and return all it prints in one line."""
    write_recipe(Path.cwd(), text)
    words = [word for change in (FROM_DENSE, *changes) for word in ("--set", change)]
    result = CliRunner().invoke(
        app, ["recover", "recipe.toml", *words, "--name", "shown"], env={"COLUMNS": "200"}
    )
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_each_warning_is_printed_once_and_the_record_shows_all() -> None:
    text = shown("training.learning_rate=5.0")
    warnings = read_record(TrainingRecord, Path("runs", "shown", "record.json")).warnings
    assert len(warnings) > 1
    assert [text.count(warning) for warning in warnings] == [1] * len(warnings)
    assert f"{len(warnings)} warnings above" in text
    later = CliRunner().invoke(app, ["inspect", "runs/shown/record.json"], env={"COLUMNS": "200"})
    again = " ".join(later.output.split())
    assert [again.count(warning) for warning in warnings] == [1] * len(warnings)


def test_each_row_of_the_table_is_explained() -> None:
    text = shown()
    for meaning in (
        "the network that the run began with",
        "channels gone, nothing trained",
        "pruned, its statistics measured anew",
        "after the last step, not recalibrated",
        "the written file, in half precision",
    ):
        assert text.count(meaning) == 1, meaning


def test_statistics_that_are_not_measured_at_the_end_are_mentioned() -> None:
    text = shown("recalibration.at_the_end=false", "training.epochs=1")
    assert "not recalibrated (at_the_end = false)" in text
    scores = read_record(TrainingRecord, Path("runs", "shown", "record.json")).scores
    worse = {"start": scores["start"], "result": replace(scores["result"], miou=0.0)}
    (plain,), (stale,) = (list(setbacks(worse, None, None, stale=s)) for s in (False, True))
    assert "at_the_end" not in plain
    assert "recalibration.at_the_end = true does that" in stale


def test_what_may_go_and_how_wide_the_layers_are_now_is_shown() -> None:
    text = shown("training.epochs=0")
    small = segprune.load(artifact_of("shown"), camvid_net())
    kept = [m.out_channels for m in small.modules() if isinstance(m, nn.Conv2d)]
    full = [m.out_channels for m in camvid_net().modules() if isinstance(m, nn.Conv2d)]
    narrower = sum(one < other for one, other in zip(kept, full, strict=True))
    assert f"{narrower} of {len(full)} layers are narrower" in text
    assert f"{sum(kept)} of {sum(full)} channels stay" in text
    assert "reach every hidden channel can be removed" in text


def test_channels_that_must_stay_are_named_with_the_reason() -> None:
    own = SMALL.replace("training.tiny:camvid_net", f"{__name__}:Fixed")
    run_train(made(own, "training.epochs=0", "name=fixed"))
    text = shown(
        f"network.init_from={artifact_of('fixed')}",
        "training.epochs=0",
        "pruning.budget={macs = 0.8}",
        text=own + PRUNING,
    )
    (frozen,) = segprune.trace(Fixed(), segprune.open_dataset("camvid", Path("images"))[0].image[
        None].float()).frozen  # fmt: skip
    assert f"{frozen.channels} must stay" in text
    assert f"{frozen.channels} of first: {frozen.reason}" in text
