"""Ways to stay green that do not: each starts from an accepted, green repository.

Every entry is a way in which a gate somewhere was, or could be, fooled: by accident or on purpose.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from gates.repository import CASE, Repository, output
from segprune.baselines.reading import read_baseline
from segprune.errors import ArtifactError

Content = dict[str, Any]
Tamper = Callable[[Repository], object]

TAMPERED: dict[str, tuple[Tamper, str]] = {}
"""By name: what is done to the repository, and what the refusal has to say."""


def tamper(says: str) -> Callable[[Tamper], Tamper]:
    def register(function: Tamper) -> Tamper:
        TAMPERED[function.__name__] = function, says
        return function

    return register


def edited(change: Callable[[Content], object]) -> Tamper:
    return lambda repository: repository.change(change)


# ---------------------------------------------------------------- the baseline's file


@tamper("found no such file; accept it anew: pytest --segprune-accept")
def the_baseline_is_deleted(repository: Repository) -> None:
    repository.baseline.unlink()


@tamper("expected a test that judges this baseline, found none")
def the_baseline_is_renamed(repository: Repository) -> None:
    repository.baseline.rename(repository.baseline.with_name("other.json"))


@tamper("case: expected 'mine-half', found 'another'")
def the_baseline_is_another_case_s(repository: Repository) -> None:
    repository.change(lambda c: c.update(case="another"))


@tamper("expected a JSON object")
def the_baseline_is_cut_short(repository: Repository) -> None:
    text = repository.baseline.read_text()
    repository.baseline.write_text(text[: len(text) // 2])


@tamper("expected a JSON record, found bytes that are no text")
def the_baseline_is_garbage(repository: Repository) -> None:
    repository.baseline.write_bytes(b"\xff\xfe\x00")


@tamper("expected schema 'segprune.baseline/2', found 'segprune.baseline/1'")
def the_baseline_has_another_schema(repository: Repository) -> None:
    repository.change(lambda c: c.update(schema="segprune.baseline/1"))


@tamper("field floors.speedup: expected a value, found none")
def a_floor_is_missing(repository: Repository) -> None:
    repository.change(lambda c: c["floors"].pop("speedup"))


@tamper("an unknown field")
def a_field_is_added(repository: Repository) -> None:
    repository.change(lambda c: c.update(skip=True))


@tamper("accepted: expected how it came about")
def its_history_is_gone(repository: Repository) -> None:
    repository.change(lambda c: c.update(accepted=[]))


NUMBERS = (
    "size.pruned.params", "size.dense.macs", "floors.miou", "floors.speedup",
    "accuracy.score.miou", "speed.comparison.speedup", "speed.comparison.candidate_fps",
)  # fmt: skip


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "0.0", "-1.0"])
def test_a_number_that_is_none_is_refused_by_its_name(repository: Repository, number: str) -> None:
    """By the reading that every gate begins with."""
    before = repository.baseline.read_text()
    for where in NUMBERS:
        *path, last = where.split(".")

        def put(content: Content, path: list[str] = path, last: str = last) -> None:
            for key in path:
                content = content[key]
            value = float(number)
            whole = type(content[last]) is int and math.isfinite(value)
            content[last] = int(value) if whole else value

        repository.change(put)
        with pytest.raises(ArtifactError) as caught:
            read_baseline(repository.baseline, CASE)
        assert where.rpartition(".")[0] in str(caught.value)
        repository.baseline.write_text(before)


# ---------------------------------------------------------------- its figures


@tamper("accuracy.score: expected what the counts of its images give")
def the_score_is_edited(repository: Repository) -> None:
    repository.change(lambda c: c["accuracy"]["score"].update(miou=0.05))


@tamper("floor of mIoU: expected")
def the_floor_is_edited(repository: Repository) -> None:
    repository.change(lambda c: c["floors"].update(miou=0.001))


@tamper("policy: expected")
def the_rule_is_edited(repository: Repository) -> None:
    repository.change(lambda c: c["floors"].update(rule="anything goes"))


@tamper("floor of sky: expected")
def the_floor_of_a_class_is_taken_away(repository: Repository) -> None:
    repository.change(lambda c: c["floors"]["class_iou"].update(sky=None))


@tamper("most MACs: expected 1000000000 as in the baseline")
def the_limit_of_size_is_raised(repository: Repository) -> None:
    repository.change(lambda c: c["floors"].update(most_macs=10**9))


@tamper("images, found")
def an_image_is_left_out_of_the_counts(repository: Repository) -> None:
    repository.change(lambda c: c["accuracy"]["per_image"].popitem())


@tamper("speed.comparison.speedup: expected what its pairs give")
def the_speedup_is_edited(repository: Repository) -> None:
    repository.change(lambda c: c["speed"]["comparison"].update(speedup=9.0))


@tamper("edited, or the two networks are swapped")
def the_arms_are_swapped(repository: Repository) -> None:
    def swap(content: Content) -> None:
        for pair in content["speed"]["comparison"]["samples"]:
            pair["reference_ms"], pair["candidate_ms"] = pair["candidate_ms"], pair["reference_ms"]

    repository.change(swap)


@tamper("least speed-up: expected 1.2 as in the baseline, found 1.5")
def the_owed_speedup_is_edited(repository: Repository) -> None:
    repository.change(lambda c: c["floors"].update(speedup=1.2))


@tamper("dense network's MACs: expected")
def the_dense_size_is_edited(repository: Repository) -> None:
    repository.change(lambda c: c["size"]["dense"].update(macs=10**9))


@tamper("input of size: expected")
def the_size_is_said_to_be_of_another_image(repository: Repository) -> None:
    repository.change(lambda c: c["size"].update(input=[1, 3, 64, 64]))


@tamper("dense network's mIoU: expected")
def the_dense_score_is_edited(repository: Repository) -> None:
    repository.change(lambda c: c["accuracy"]["dense"].update(miou=0.05))


@tamper("dense network's IoU of sky: expected")
def the_dense_score_of_a_class_is_edited(repository: Repository) -> None:
    repository.change(lambda c: c["accuracy"]["dense"]["class_iou"].__setitem__(0, 0.01))


@tamper("speed.input: expected")
def the_input_of_speed_is_edited(repository: Repository) -> None:
    repository.change(lambda c: c["speed"].update(input=[1, 3, 8, 8]))


@tamper("speed.comparison.confidence: expected 0.985")
def the_confidence_is_edited(repository: Repository) -> None:
    repository.change(lambda c: c["speed"]["comparison"].update(confidence=0.5))


@tamper("speed.comparison.threads: expected 1")
def the_threads_are_edited(repository: Repository) -> None:
    repository.change(lambda c: c["speed"]["comparison"].update(threads=8))


@tamper("accepted[0]: expected the versions that wrote it")
def its_history_is_empty_words(repository: Repository) -> None:
    repository.change(lambda c: c["accepted"][0].update(segprune="", torch=" "))


@tamper("accepted[0]: expected a reason with what was lowered")
def the_reason_is_taken_out(repository: Repository) -> None:
    repository.change(lambda c: c["accepted"][0].update(lowered=["all"]))


@tamper("expected a JSON object, found 'miou' twice")
def a_key_is_there_twice(repository: Repository) -> None:
    text = repository.baseline.read_text()
    repository.baseline.write_text(text.replace('"miou":', '"miou": 0.001, "miou":', 1))


@tamper("field size.pruned.macs: expected a finite number")
def a_count_is_beyond_all_numbers(repository: Repository) -> None:
    repository.change(lambda c: c["size"]["pruned"].update(macs=10**400))


@tamper("expected at least its floor 1.5")
def the_arms_are_swapped_with_all_figures(repository: Repository) -> None:
    def swap(content: Content) -> None:
        found = content["speed"]["comparison"]
        for pair in found["samples"]:
            pair["reference_ms"], pair["candidate_ms"] = pair["candidate_ms"], pair["reference_ms"]
        for name in ("ms", "fps"):
            one, other = f"reference_{name}", f"candidate_{name}"
            found[one], found[other] = found[other], found[one]
        found["low"], found["high"] = 1 / found["high"], 1 / found["low"]
        found["speedup"] = 1 / found["speedup"]

    repository.change(swap)


@tamper("expected up to 100 letters, digits and ._-")
def the_case_is_a_path(repository: Repository) -> None:
    repository.edit(f'"{CASE}"', '"../baselines/mine-half"')


@tamper("expected at least 9 pairs, found 5")
def there_are_too_few_pairs(repository: Repository) -> None:
    def cut(content: Content) -> None:
        content["speed"]["comparison"].update(pairs=5)
        del content["speed"]["comparison"]["samples"][5:]

    repository.change(cut)


@tamper("expected times above 0")
def a_pair_took_no_time(repository: Repository) -> None:
    repository.change(lambda c: c["speed"]["comparison"]["samples"][3].update(candidate_ms=0.0))


@tamper("speed.fingerprint_digest")
def the_fingerprint_is_edited(repository: Repository) -> None:
    repository.change(lambda c: c["speed"]["fingerprint"].update(cores=99))


@tamper("expected a pruned network smaller than the dense one")
def the_sizes_are_swapped(repository: Repository) -> None:
    def swap(content: Content) -> None:
        size = content["size"]
        size["pruned"], size["dense"] = size["dense"], size["pruned"]

    repository.change(swap)


# ---------------------------------------------------------------- networks and data


@tamper("artefact: expected")
def the_artefact_is_another(repository: Repository) -> None:
    repository.write_artifact(0.375)


@tamper("found no such file")
def the_artefact_is_gone(repository: Repository) -> None:
    (repository.path / "half.safetensors").unlink()


@tamper("expected the dense Mine that was pruned, found another Mine")
def the_dense_network_is_a_wider_one(repository: Repository) -> None:
    text = (repository.path / "my_networks.py").read_text()
    text = text.replace("    network.load_state_dict", "    (lambda weights: None)")
    for old, new in (
        ("(3, 16,", "(3, 24,"),
        ("Norm2d(16)", "Norm2d(24)"),
        ("(16, 11,", "(24, 11,"),
    ):
        text = text.replace(old, new)
    (repository.path / "my_networks.py").write_text(text)


@tamper("dense network's weights: expected")
def the_dense_network_is_another(repository: Repository) -> None:
    repository.edit(
        "    return network\n", "    network.norm.bias.data += 1e-3\n    return network\n",
        "my_networks.py",
    )  # fmt: skip


@tamper("data digest: expected")
def the_images_are_others(repository: Repository) -> None:
    repository.edit('"streets", count=24', '"streets", split="test", count=24', "my_networks.py")


@tamper("data images: expected 24 as in the baseline, found 23")
def there_are_fewer_images(repository: Repository) -> None:
    repository.edit("count=24", "count=23", "my_networks.py")


@tamper("policy: expected")
def the_promise_in_the_test_is_lowered(repository: Repository) -> None:
    repository.edit('"miou_loss": 12', '"miou_loss": 60')


@tamper("expected a test that judges this baseline")
def the_test_is_of_another_case(repository: Repository) -> None:
    repository.edit(f'"{CASE}"', '"mine-half-2"')


@tamper("missing a required argument: 'artifact'")
def the_marker_is_misspelt(repository: Repository) -> None:
    repository.edit("artifact=", "artefact=")


@tamper("expected a marker that says what to judge")
def the_marker_is_gone(repository: Repository) -> None:
    repository.edit("pytestmark = ", "_ = ")


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_repository_is_red_and_says_what_was_expected(
    name: str, repository: Repository
) -> None:
    change, says = TAMPERED[name]
    change(repository)
    result = repository.run()
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert result.ret != 0
    assert says in output(result)
    rows = [line for line in result.outlines if line.startswith(f" {CASE} ")]
    assert not any(row.rstrip().endswith("PASS") for row in rows)


# ---------------------------------------------------------------- speed that was asked for


@pytest.mark.parametrize(
    "arguments",
    [
        ("test_gates.py", "--benchmark-disable"),
        ("--benchmark-only", "--benchmark-disable"),
        ("--benchmark-only", "-n", "2"),
        ("--benchmark-only", "-k", "nothing"),
        ("--benchmark-only", "--deselect", "test_gates.py::test_speed"),
    ],
    ids=" ".join,
)
def test_speed_that_was_asked_for_and_not_measured_is_never_green(
    repository: Repository, arguments: tuple[str, ...]
) -> None:
    if "-n" in arguments:
        result = repository.pytester.runpytest_subprocess(*arguments)
    else:
        result = repository.run(*arguments)
    assert result.ret != 0


@pytest.mark.parametrize(("ratio", "ret"), [(2.0, 0), (1.49, 1), (1.0, 1), (0.33, 1)])
def test_a_network_that_is_slower_than_it_owes_is_red(
    repository: Repository, ratio: float, ret: int
) -> None:
    repository.ratio = ratio
    assert repository.run("--benchmark-only", "--segprune-strict").ret == ret


def test_speed_on_another_machine_is_judged_by_its_ratio_and_never_by_its_fps(
    repository: Repository,
) -> None:
    """The baseline's own FPS are a hundred times higher; its fingerprint is another machine's."""

    def other_machine(content: Content) -> None:
        from segprune.baselines.record import Baseline
        from segprune.records import from_json

        content["speed"]["fingerprint"]["cores"] = 99
        text = json.dumps(content)
        content["speed"]["fingerprint_digest"] = from_json(Baseline, text).speed.fingerprint.digest
        comparison = content["speed"]["comparison"]
        for pair in comparison["samples"]:
            pair["reference_ms"] /= 100
            pair["candidate_ms"] /= 100
        for name in ("reference_ms", "candidate_ms"):
            comparison[name] /= 100
        for name in ("reference_fps", "candidate_fps"):
            comparison[name] *= 100

    repository.change(other_machine)
    result = repository.run("--benchmark-only", "--segprune-report", "out")
    assert result.ret == 0
    report = json.loads((repository.path / "out/segprune.json").read_text())
    assert report["cases"][CASE]["gates"][0]["figures"]["fps_gated"] == 0


def test_a_tenth_of_the_speed_on_the_same_machine_is_red_though_the_ratio_holds(
    repository: Repository,
) -> None:
    def faster_then(content: Content) -> None:
        comparison = content["speed"]["comparison"]
        for pair in comparison["samples"]:
            pair["reference_ms"] /= 10
            pair["candidate_ms"] /= 10
        for name in ("reference_ms", "candidate_ms"):
            comparison[name] /= 10
        for name in ("reference_fps", "candidate_fps"):
            comparison[name] *= 10

    repository.change(faster_then)
    result = repository.run("--benchmark-only")
    assert result.ret == 1
    assert "network: " in output(result)
    assert "FPS, at least" in output(result)


def test_a_dense_network_that_is_slowed_down_is_red_on_the_baseline_s_own_machine(
    repository: Repository,
) -> None:
    """The pruned network keeps its frames per second, and looks ten times as fast as it was."""

    def faster_dense_then(content: Content) -> None:
        comparison = content["speed"]["comparison"]
        for pair in comparison["samples"]:
            pair["reference_ms"] /= 1.1
        comparison["reference_ms"] /= 1.1
        comparison["reference_fps"] *= 1.1
        for name in ("speedup", "low", "high"):
            comparison[name] /= 1.1

    repository.change(faster_dense_then)
    repository.ratio = 2.0 * 3
    result = repository.run("--benchmark-only")
    assert result.ret == 1
    assert "dense network: " in output(result)


# ---------------------------------------------------------------- the starting project


MASKED = '''

def masked_and_regrown(path="half.safetensors"):
    """What the starting project did: structured masks on input channels, removed, fine-tuned."""
    from torch.nn.utils import prune
    network = make_network()
    prune.ln_structured(network.last, "weight", amount=0.25, n=2, dim=1)
    prune.remove(network.last, "weight")
    with torch.no_grad():
        network.last.weight.add_(torch.randn_like(network.last.weight) * 1e-3)
    example = torch.zeros(1, 3, 32, 64)
    plan = segprune.make_plan(network, example, scope={"first": 1.0})
    metadata = {"input": [1, 3, 32, 64]}
    return segprune.save(path, network, plan, metadata=metadata)
'''


def test_the_starting_project_s_pruning_is_red_on_size_proof_and_speed_and_named(
    fresh: Repository,
) -> None:
    networks = fresh.path / "my_networks.py"
    networks.write_text(networks.read_text() + MASKED)
    content: Content = {"__file__": str(networks)}
    exec(networks.read_text(), content)
    content["masked_and_regrown"](fresh.path / "half.safetensors")
    fresh.ratio = 1.0
    result = fresh.run("--segprune-accept")
    assert result.ret == 1
    assert not fresh.baseline.exists()
    said = output(result)
    assert "mine-half, size: FAIL" in said
    assert "channels were masked or have grown back, none was removed" in said
    assert "mine-half, proof: FAIL" in said
    assert "a mask leaves every tensor in its shape, and training fills it again" in said
    assert "mine-half, speed: FAIL" in said
    assert "every tensor has the reference's shape" in said
