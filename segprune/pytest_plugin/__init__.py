"""segprune as a pytest plugin: gates for a pruned network, in about ten lines.

pytestmark = pytest.mark.segprune("mine-half", dense=make_network, artifact="half.safetensors",
                                  data="camvid", budget="macs50")

def test_size(segprune_gate): segprune_gate.size()
def test_accuracy(segprune_gate): segprune_gate.accuracy()
def test_speed(segprune_speed): segprune_speed()
"""

# pytest loads this package in every session of its environment, and then these hooks.
pytest_plugins = ("segprune.pytest_plugin.hooks",)
