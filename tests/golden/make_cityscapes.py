"""What the official evaluation of Cityscapes says about fixed arrays, kept in `cityscapes.json`.

Needs an environment of its own with `cityscapesscripts`, and nothing of segprune's:

    python tests/golden/make_cityscapes.py           write the file anew
    python tests/golden/make_cityscapes.py --check   compare with it; `tox -e oracle` does

Arrays are in class indices 0 to 18 (trainIds); void is 255, and a prediction of 255 is no class.
The official scripts read labelIds from PNG files. Void becomes the many ids that they ignore, and
a prediction that is no class becomes their "unlabeled".
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling import args, evaluateImgLists
from cityscapesscripts.helpers.labels import labels
from PIL import Image

FILE = Path(__file__).with_name("cityscapes.json")
CLASSES, VOID = 19, 255

IDS = [next(label.id for label in labels if label.trainId == k) for k in range(CLASSES)]
IGNORED = [label.id for label in labels if label.ignoreInEval and label.id >= 0]


def draw(seed: int, *shape: int, below: int) -> np.ndarray:
    """Integers below a bound; raw words, whose stream no version of numpy changes."""
    words = np.random.Philox(key=seed).random_raw(math.prod(shape))
    return (words % below).astype(np.int64).reshape(shape)


def blurred(seed: int, target: np.ndarray, right: int) -> np.ndarray:
    """A prediction that is right in about `right` of ten pixels."""
    other = draw(seed, *target.shape, below=CLASSES)
    return np.where(draw(seed + 1, *target.shape, below=10) < right, target, other)


def cases() -> dict[str, dict[str, np.ndarray]]:
    """Targets and predictions `(N, H, W)` by name, or logits `(N, K, H, W)` to predict from."""
    example = np.array([[[0, 0, 0, 1], [1, 1, VOID, VOID]]])
    guess = np.array([[[0, 0, 1, 1], [1, 2, 2, 0]]])
    no_class = guess.copy()
    no_class[0, 0, 0] = VOID
    few = draw(1, 3, 6, 8, below=4)
    every = draw(2, 3, 8, 12, below=CLASSES)
    holes = np.where(draw(3, 3, 8, 12, below=5) == 0, VOID, every)
    only_void = np.concatenate([np.full((1, 6, 8), VOID), draw(4, 1, 6, 8, below=CLASSES)])
    unsure = blurred(20, np.where(holes == VOID, 0, holes), 6)
    unsure[draw(22, *unsure.shape, below=9) == 0] = VOID
    return {
        "worked example": {"target": example, "prediction": guess},
        "worked example, a prediction is no class": {"target": example, "prediction": no_class},
        "absent classes": {"target": few, "prediction": blurred(10, few, 7) % 6},
        "every class": {"target": every, "prediction": blurred(12, every, 8)},
        "void in the target": {"target": holes, "prediction": blurred(14, every, 5)},
        "predictions that are no class": {"target": holes, "prediction": unsure},
        "one image all void": {"target": only_void, "prediction": blurred(16, only_void, 5) % 19},
        "perfect": {"target": holes, "prediction": np.where(holes == VOID, 3, holes)},
        "never right": {"target": every, "prediction": (every + 1) % CLASSES},
        # Of equal logits the first counts, as numpy's argmax has it.
        "ties": {"target": holes[:2], "logits": draw(18, 2, CLASSES, 8, 12, below=3)},
    }


def judged(target: np.ndarray, prediction: np.ndarray) -> dict[str, Any]:
    """Class IoUs, their mean and the confusion matrix `(K, K + 1)`, by the official scripts."""
    args.evalInstLevelScore, args.JSONOutput, args.quiet = False, False, True
    with tempfile.TemporaryDirectory() as folder:
        places = [(f"{folder}/p{n}.png", f"{folder}/t{n}.png") for n in range(len(target))]
        for (guess, truth), own, wanted in zip(places, prediction, target, strict=True):
            Image.fromarray(as_ids(own, [0])).save(guess)
            Image.fromarray(as_ids(wanted, IGNORED)).save(truth)
        found = evaluateImgLists(*map(list, zip(*places, strict=True)), args)
    names = {label.id: label.name for label in labels}
    scores = [found["classScores"][names[id_]] for id_ in IDS]
    counts = np.array(found["confMatrix"], dtype=np.int64)[IDS]
    invalid = counts.sum(axis=1) - counts[:, IDS].sum(axis=1)
    return {
        "class_iou": [None if math.isnan(score) else score for score in scores],
        "miou": found["averageScoreClasses"],
        "counts": np.column_stack([counts[:, IDS], invalid]).tolist(),
    }


def as_ids(classes: np.ndarray, ignored: list[int]) -> np.ndarray:
    """LabelIds of class indices; void takes the ignored ones in turn."""
    turns = np.resize(ignored, classes.shape)
    known = np.array(IDS)[np.where(classes == VOID, 0, classes)]
    return np.where(classes == VOID, turns, known).astype(np.uint8)


def make() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, case in cases().items():
        prediction = case["logits"].argmax(axis=1) if "logits" in case else case["prediction"]
        arrays = {key: array.tolist() for key, array in case.items()}
        made[name] = {**arrays, "official": judged(case["target"], prediction)}
    return made


def text(made: dict[str, Any]) -> str:
    """JSON with one line for each array."""
    cases = ",\n".join(
        f"  {json.dumps(name)}: {{\n"
        + ",\n".join(f"   {json.dumps(key)}: {json.dumps(part)}" for key, part in case.items())
        + "\n  }"
        for name, case in made.items()
    )
    packages = {name: version(name) for name in ("cityscapesscripts", "numpy")}
    return f'{{\n "made_with": {json.dumps(packages)},\n "cases": {{\n{cases}\n }}\n}}\n'


def main() -> int:
    made = make()
    if "--check" not in sys.argv[1:]:
        FILE.write_text(text(made), encoding="utf-8")
        print(f"{FILE.name}: {len(made)} cases written")
        return 0
    kept = json.loads(FILE.read_text(encoding="utf-8"))["cases"]
    differing = [name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name)]
    print(f"{FILE.name}: {len(made)} cases, {len(differing)} differ {sorted(differing) or ''}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
