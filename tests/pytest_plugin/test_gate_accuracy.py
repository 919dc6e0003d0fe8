"""Both networks are judged on the same images, and the policy knows the data set."""

from __future__ import annotations

import pytest

from pytest_plugin.repository import POLICY, RED, Repository, output


def drawn_anew(repository: Repository) -> None:
    """A data set that darkens whatever is read a second time."""
    (repository.path / "my_networks.py").write_text(
        (repository.path / "my_networks.py").read_text().replace("scenes():", "calm():")
        + """

class Drawn(segprune.data.dataset.SegmentationDataset):
    def __init__(self, inner):
        super().__init__(inner.name, inner.split, inner.classes, inner.sequences)
        self.inner, self.reads = inner, 0

    def _read(self, index):
        import dataclasses
        self.reads += 1
        sample = self.inner[index]
        if self.reads <= len(self.inner):
            return sample
        return dataclasses.replace(sample, image=sample.image // 4)

def scenes():
    return Drawn(calm())
"""
    )


@pytest.mark.parametrize("accept", [True, False])
def test_images_that_are_drawn_anew_are_no_images_to_compare_on(
    repository: Repository, accept: bool
) -> None:
    drawn_anew(repository)
    result = repository.run("-k", "accuracy", *(["--segprune-accept"] if accept else []))
    assert result.ret == RED
    assert "expected the same images for the pruned and for the dense network" in output(result)


def test_weights_go_into_a_copy_of_the_network_that_is_given(repository: Repository) -> None:
    repository.edit("import make_network, scenes", "import Mine, scenes\nNET = Mine().train()")
    repository.edit("dense=make_network", 'dense=NET, weights="dense.pt"')
    (repository.path / "test_zz.py").write_text(
        "import test_gates\n"
        "def test_untouched():\n"
        "    assert test_gates.NET.training\n"
        "    import torch\n"
        "    given, own = torch.load('dense.pt'), test_gates.NET.state_dict()\n"
        "    assert not torch.equal(given['last.weight'], own['last.weight'])\n"
    )
    assert repository.run().ret == 0


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("5", "expected the name of a data set"),
        ("lambda: []", "expected the name of a data set"),
        ("lambda width: scenes()", "expected a function without arguments"),
    ],
)
def test_data_that_is_none_is_a_sentence(repository: Repository, data: str, said: str) -> None:
    repository.edit("data=scenes", f"data={data}")
    result = repository.run("-k", "accuracy")
    assert result.ret == RED
    assert said in output(result)


def test_data_may_be_given_as_it_is(repository: Repository) -> None:
    repository.edit("data=scenes", "data=scenes()")
    assert repository.run().ret == 0


def test_a_name_for_two_images_is_refused_before_a_baseline_is_written(fresh: Repository) -> None:
    (fresh.path / "my_networks.py").write_text(
        (fresh.path / "my_networks.py").read_text()
        + """

class Twice(segprune.data.dataset.SegmentationDataset):
    def __init__(self, inner):
        super().__init__(inner.name, inner.split, inner.classes, inner.sequences)
        self.inner = inner

    def _read(self, index):
        import dataclasses
        return dataclasses.replace(self.inner[index], name="one")

def twice():
    return Twice(scenes())
"""
    )
    fresh.edit("import make_network, scenes", "import make_network, twice as scenes")
    result = fresh.run("--segprune-accept")
    assert "expected a name of its own for each image" in output(result)
    assert not fresh.baseline.exists()


def test_one_gate_that_fails_keeps_the_baseline_from_being_written(fresh: Repository) -> None:
    """Though another test of the same gate passed."""
    with (fresh.path / "test_gates.py").open("a") as module:
        module.write(
            "\ndef test_more(segprune_gate):\n"
            "    segprune_gate._case = __import__('dataclasses').replace(\n"
            "        segprune_gate._case, criteria=__import__('dataclasses').replace(\n"
            "            segprune_gate._case.criteria, dense_miou=0.99))\n"
            "    segprune_gate.accuracy()\n"
        )
    result = fresh.run("--segprune-accept")
    assert result.ret == RED
    assert "mine-half: not written, because not all gates passed: accuracy: FAIL" in output(result)
    assert not fresh.baseline.exists()


# ---------------------------------------------------------------- what the policy calls them


@pytest.mark.parametrize(
    "more", ["[dense]\nstreets = 0.9\n", "[exceptions.streets-mine-macs50]\nmiou_loss = 0.0\n"]
)
def test_lines_of_the_policy_for_a_data_set_hold_for_a_function_too(
    fresh: Repository, more: str
) -> None:
    (fresh.path / "policy.toml").write_text(POLICY + more)
    text = (fresh.path / "test_gates.py").read_text()
    start, _, rest = text.partition("budget=")
    (fresh.path / "test_gates.py").write_text(
        f'{start}budget="macs50",\n)' + rest.partition("\n)")[2]
    )
    unnamed = fresh.run("-k", "accuracy", "--segprune-accept")
    assert "data_name: expected the name that policy.toml has for the images of a" in output(
        unnamed
    )
    fresh.edit("data=scenes", 'data=scenes, data_name="streets"')
    result = fresh.run("-k", "accuracy", "--segprune-accept")
    assert "accuracy: FAIL" in output(result)
    fresh.edit('data_name="streets"', 'data_name="roads"')
    other = fresh.run("-k", "accuracy", "--segprune-accept")
    assert "data_name: expected 'streets', which its data set is called" in output(other)
