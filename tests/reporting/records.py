"""Made-up records that look like real ones: no figure in them means anything."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segprune.records.environment import Environment
from segprune.records.evaluation import EvaluationRecord
from segprune.records.io import write_record
from segprune.records.preprocessing import Preprocessing
from segprune.records.score import Score
from segprune.records.sensitivity import LayerSensitivity, SensitivityRecord
from segprune.records.sweep import CellRecord, LayerWidth, Outcome, SpeedRecord
from segprune.records.training import TrainingRecord, Work
from segprune.reporting.store import Collection
from segprune.speed import Pair, summarise

CLASSES = (
    "sky", "building", "pole", "road", "sidewalk", "tree", "sign", "fence", "car", "pedestrian",
    "bicyclist",
)  # fmt: skip
NETWORKS = {"bisenetv2": (583_512, 279_344_128), "icnet": (3_110_896, 609_353_728)}
"""Parameters and MACs."""
IMPORTANCES = (
    "activation", "bn_scale", "fpgm", "lamp", "magnitude", "magnitude_l1", "random", "taylor",
)  # fmt: skip
LAYERS: Mapping[str, Sequence[tuple[str, int]]] = {
    "bisenetv2": [(f"detail.{n}.conv", 32) for n in range(4)]
    + [(f"stages.{n}.conv", 64) for n in range(6)]
    + [("head.classify", 11)],
    "icnet": [(f"trunk.layer{n}.conv", 32 * n) for n in range(1, 5)] + [("head.mix", 64)],
}
INPUT = (1, 3, 128, 256)
ENVIRONMENT = Environment(
    segprune="0.1.0", python="3.11.7", torch="2.15.0", numpy="2.4.6", system="Linux x86_64",
    cpu="Imagined Processor", cores=2, threads=2, capability="AVX2", flags=("avx", "avx2"),
    variables={}, gpu=None, cuda=None,
)  # fmt: skip
PACKAGES = {"pytorch-lightning": "2.6.6", "torchvision": "0.29.2"}


def digest(*words: object) -> str:
    return hashlib.sha256(repr(words).encode()).hexdigest()


def score(miou: float, classes: int = len(CLASSES), **changes: float) -> Score:
    """All classes alike, but for those that are changed, such as `c3=0.2`."""
    ious = [miou] * classes
    for name, value in changes.items():
        ious[int(name[1:])] = value
    return Score(math.fsum(ious) / classes, tuple(ious), min(1.0, miou + 0.2), 200)


def recipe(network: str, data: str, name: str, seed: int, epochs: int = 60, more: str = "") -> str:
    return (
        f'name = "{name}"\nseed = {seed}\nhalf = true\n\n[network]\nmodel = "{network}"\n'
        f'options = {{"width" = 0.5}}\n\n[data]\nname = "{data}"\ntrain = "train"\nval = "val"\n'
        f"size = [128, 256]\n\n[training]\nepochs = {epochs}\nbatch_size = 8\n"
        f"learning_rate = 0.05\n{more}"
    )


def training(
    network: str = "bisenetv2",
    variant: str = "dense",
    miou: float = 0.72,
    *,
    data: str = "streets",
    seed: int = 0,
    suffix: str = "",
    share: float = 1.0,
    steps: int = 7500,
    result: Score | None = None,
    **changes: Any,
) -> TrainingRecord:
    """A run; `share` of MACs and of parameters is left."""
    params, macs = NETWORKS[network]
    name = f"{network}-{data}-{variant}{suffix}"
    fields: dict[str, Any] = {
        "command": ("segprune", "train" if share == 1 else "recover", f"{name}.toml"),
        "name": name,
        "seed": seed,
        "recipe": recipe(network, data, name, seed),
        "classes": CLASSES,
        "input": INPUT,
        "training_images": 2000,
        "validation_images": 200,
        "validation_digest": digest(data, "val"),
        "source": None if variant == "dense" else digest(network, data, "dense", 0),
        "plan": digest("plan", network, share),
        "artifact": digest(network, data, variant, seed),
        "artifact_bytes": int(2 * params * share),
        "dense_params": params,
        "dense_macs": macs,
        "params": int(params * share),
        "macs": int(macs * share),
        "scores": {"result": result or score(miou)},
        "work": Work(60, steps, 3600.0, 0, {"cross_entropy": 0.31}),
        "packages": PACKAGES,
        "environment": ENVIRONMENT,
    }
    return TrainingRecord(**{**fields, **changes})


def cell(
    network: str = "bisenetv2",
    budget: float = 0.5,
    importance: str = "taylor",
    scope: str = "global",
    recovery: str = "none",
    miou: float | None = 0.4,
    *,
    data: str = "streets",
    sweep: str = "streets",
    seed: int = 0,
    dense: float = 0.72,
    kept: Sequence[int] | None = None,
    layers: Mapping[str, Sequence[tuple[str, int]]] = LAYERS,
    **changes: Any,
) -> CellRecord:
    """A cell; one that failed where `miou` is None."""
    params, macs = NETWORKS[network]
    widths = tuple(
        LayerWidth(name, kept[n] if kept else max(4, round(of * math.sqrt(budget))), of)
        for n, (name, of) in enumerate(layers[network])
    )
    name = f"{network}-macs{100 * budget:g}-{importance}-{scope}-{recovery}"
    trained = recovery in ("fine-tuned", "distilled")
    outcome = None
    if miou is not None:
        outcome = Outcome(
            plan=digest("plan", network, budget, importance, scope),
            params=int(params * budget * 1.05),
            macs=int(macs * budget),
            widths=widths,
            score=score(miou),
            steps=2500 if trained else 0,
            seconds=12.5,
        )
    more = (
        f'\n[pruning]\nbudget = {{"macs" = {budget}}}\nimportance = "{importance}"\n'
        f'scope = "{scope}"\n'
    )
    fields: dict[str, Any] = {
        "command": ("segprune", "sweep", f"{sweep}.toml"),
        "sweep": sweep,
        "cell": name,
        "network": network,
        "data": data,
        "budget": {"macs": budget},
        "importance": importance,
        "scope": scope,
        "recovery": recovery,
        "seed": seed,
        "recipe": recipe(network, data, name, seed, 20 if trained else 0, more),
        "classes": CLASSES,
        "input": INPUT,
        "validation_images": 200,
        "validation_digest": digest(data, "val"),
        "source": digest(network, data, "dense", 0),
        "dense_params": params,
        "dense_macs": macs,
        "dense_score": score(dense),
        "outcome": outcome,
        "failure": None if miou is not None else "the loss is no number after 3 steps",
        "packages": PACKAGES,
        "environment": ENVIRONMENT,
    }
    return CellRecord(**{**fields, **changes})


def speed(
    speedup: float = 1.8,
    *,
    network: str = "bisenetv2",
    data: str = "streets",
    artifact: str | None = None,
    plan: str = "",
    dense_ms: float = 24.0,
    pairs: int = 30,
    noise: float = 0.02,
    threads: int = 1,
    **changes: Any,
) -> SpeedRecord:
    """A measurement of a file or of a plan."""
    rng = random.Random(f"{speedup} {plan} {artifact}")
    samples = []
    for number in range(pairs):
        one = dense_ms * rng.uniform(0.95, 1.15)
        ratio = speedup * math.exp(rng.gauss(0, noise))
        samples.append(Pair(round(one, 6), round(one / ratio, 6), number % 2 == 0))
    fields: dict[str, Any] = {
        "command": ("segprune", "speed", f"{network}-{data}"),
        "name": f"{network}-{(artifact or plan)[:12]}",
        "reference": network,
        "candidate": f"{network} pruned",
        "reference_artifact": digest(network, data, "dense", 0),
        "candidate_artifact": artifact,
        "candidate_plan": plan,
        "input": INPUT,
        "seed": 0,
        "speed": summarise(samples, 0.95, batch=1, threads=threads, device="cpu"),
        "environment": ENVIRONMENT,
    }
    return SpeedRecord(**{**fields, **changes})


def evaluation(artifact: str, miou: float = 0.7, split: str = "test") -> EvaluationRecord:
    """Of an artefact, apart from its training."""
    return EvaluationRecord(
        command=("segprune", "eval", "net.safetensors"), model="BiSeNetV2", artifact=artifact,
        plan=digest("plan"), weights=None, data="streets", split=split,
        images_digest=digest("images", split), classes=CLASSES, preprocessing=Preprocessing(),
        score=score(miou), predictions=digest("predictions", artifact), matrices=digest("matrices"),
        device="cpu", packages=PACKAGES, environment=ENVIRONMENT,
    )  # fmt: skip


def sensitivity(
    network: str = "bisenetv2",
    data: str = "streets",
    layers: Mapping[str, Sequence[tuple[str, int]]] = LAYERS,
) -> SensitivityRecord:
    rng = random.Random(network)
    rows = [
        LayerSensitivity(
            layers=(name,) if n % 5 else (name, f"{name}.tied"),
            channels=of,
            kept=of // 2,
            macs=rng.uniform(0.001, 0.12) ** 1.3,
            params=rng.uniform(0.001, 0.1),
            changed=rng.uniform(0, 0.3),
            error=rng.uniform(0.02, 0.9) ** 2,
        )
        for n, (name, of) in enumerate(layers[network])
        if of > 11
    ]
    return SensitivityRecord(
        command=("segprune", "sensitivity", network),
        model=network,
        input=INPUT,
        keep=0.5,
        importance="magnitude",
        seed=0,
        weights=digest(network, data, "dense", 0),
        frames=8,
        frames_digest=digest("frames"),
        network=digest(network),
        layers=tuple(sorted(rows, key=lambda row: row.error)),
        skipped=(),
        environment=ENVIRONMENT,
    )


def campaign(
    data: str = "streets",
    networks: Sequence[str] = tuple(NETWORKS),
    budgets: Sequence[float] = (0.9, 0.7, 0.5, 0.3),
    importances: Sequence[str] = IMPORTANCES,
    layers: Mapping[str, Sequence[tuple[str, int]]] = LAYERS,
) -> Collection:
    """Everything the issue asks for on one data set, in plausible proportions."""
    rng = random.Random(7)
    trainings, cells, speeds, sensitivities = [], [], [], {}
    worth = {name: rng.uniform(0.4, 1.0) for name in importances}
    for network in networks:
        dense = {"bisenetv2": 0.724, "icnet": 0.693}[network]
        trainings += [
            training(network, "dense", dense, data=data),
            training(network, "dense-continued", dense + 0.004, data=data),
        ]
        for seed in range(3):
            record = training(
                network, "macs50", dense - 0.004 + 0.003 * seed, data=data, seed=seed,
                suffix=f"-seed{seed}" if seed else "", share=0.4996,
            )  # fmt: skip
            trainings.append(record)
        fast = 1.83 if network == "icnet" else 1.62
        speeds.append(
            speed(fast, network=network, data=data, artifact=trainings[-3].artifact, plan="p")
        )
        tried: dict[tuple[str, str], float] = {}
        for budget in budgets:
            for importance in importances:
                for scope in ("global", "local"):
                    quality = worth[importance] * (1 if scope == "global" else 0.85)
                    lost = (1 - budget) ** 1.5 * (1.7 - quality)
                    none = dense * max(0.05, 1 - 1.6 * lost + rng.gauss(0, 0.03))
                    again = dense * max(0.1, 1 - 0.8 * lost + rng.gauss(0, 0.015))
                    kept = [
                        max(4, min(of, round(of * math.sqrt(budget) * rng.uniform(0.7, 1.3))))
                        if scope == "global" else max(4, round(of * math.sqrt(budget)))
                        for _, of in layers[network]
                    ]  # fmt: skip
                    common: dict[str, Any] = {
                        "data": data, "dense": dense, "kept": kept, "layers": layers
                    }  # fmt: skip
                    place = (network, budget, importance, scope)
                    cells += [
                        cell(*place, "none", min(none, dense), **common),
                        cell(*place, "recalibrated", min(max(none, again), dense), **common),
                    ]
                    if budget == 0.5:
                        tried[importance, scope] = min(max(none, again), dense)
                    factor = 1 + (1 / budget - 1) * rng.uniform(0.55, 0.9)
                    speeds.append(
                        speed(
                            factor, network=network, data=data, plan=digest("plan", *place),
                            dense_ms=24.0 if network == "bisenetv2" else 31.0,
                        )
                    )  # fmt: skip
        for importance, scope in sorted(tried, key=lambda key: -tried[key])[:3]:
            place = (network, 0.5, importance, scope)
            tuned = dense - rng.uniform(0.008, 0.03)
            cells += [
                cell(*place, "fine-tuned", tuned, data=data, dense=dense, layers=layers),
                cell(*place, "distilled", tuned + 0.009, data=data, dense=dense, layers=layers),
            ]
        sensitivities[f"{network}-{data}"] = sensitivity(network, data, layers)
    # A real sweep has a cell that came to nothing.
    cells[5] = cell(networks[0], budgets[0], importances[1], "global", "recalibrated", None)
    return Collection(tuple(trainings), tuple(cells), tuple(speeds), sensitivities)


def a_run(folder: Path, **changes: Any) -> Path:
    folder.mkdir(parents=True)
    write_record(folder / "record.json", training(**changes))
    (folder / "plan.json").write_text('{"schema": "segprune.plan/1"}', "utf-8")
    return folder


def small_sweep() -> list[CellRecord]:
    """taylor leads by 5 points without recovery, fpgm by 1 recalibrated; both were trained."""
    table = {
        ("taylor", "none"): 0.45, ("fpgm", "none"): 0.40,
        ("taylor", "recalibrated"): 0.60, ("fpgm", "recalibrated"): 0.61,
        ("taylor", "fine-tuned"): 0.70, ("fpgm", "fine-tuned"): 0.69,
        ("taylor", "distilled"): 0.715, ("fpgm", "distilled"): 0.705,
    }  # fmt: skip
    return [
        cell(importance=importance, recovery=recovery, miou=miou)
        for (importance, recovery), miou in table.items()
    ]


def recovery(miou: float = 0.69, before: float = 0.70, **changes: Any) -> Any:
    """Make a record with the score of its network before it was pruned."""
    stages = {"start": score(before), "pruned": score(0.1), "result": score(miou)}
    return training("bisenetv2", "macs50", share=0.4996, scores=stages, **changes)
