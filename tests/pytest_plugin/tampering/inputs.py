"""Done to networks, images and the test itself."""

from __future__ import annotations

from pytest_plugin.repository import CASE, Repository
from pytest_plugin.tampering.registry import tamper


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
