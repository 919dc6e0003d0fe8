"""Done to the figures in the baseline."""

from __future__ import annotations

from pytest_plugin.repository import CASE, Repository
from pytest_plugin.tampering.registry import Content, tamper


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
def the_required_speedup_is_edited(repository: Repository) -> None:
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
