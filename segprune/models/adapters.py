"""Networks of torchvision and segmentation_models_pytorch behind this package's contract.

Neither library is imported here: a network is recognised by the modules its classes come from.
An adapter wraps the network it is given, weights and all; it copies nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from segprune.errors import ModelError
from segprune.models.blocks import resize, spatial_size
from segprune.models.contract import SegmentationModel

_TORCHVISION = "torchvision.models.segmentation"
_SMP = "segmentation_models_pytorch"


class BackboneAdapter(SegmentationModel):
    """torchvision's FCN and DeepLabV3: a backbone, a classifier, perhaps an auxiliary classifier.

    The parts are called one by one, since torchvision's own ``forward`` runs the auxiliary
    classifier in every mode. Parameter names stay torchvision's, so its checkpoints load.
    """

    def __init__(
        self, backbone: nn.Module, classifier: nn.Module, aux_classifier: nn.Module | None
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier
        self.aux_classifier = aux_classifier

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K, H, W)`` of images ``(N, 3, H, W)``."""
        return resize(self.classifier(self.backbone(x)["out"]), spatial_size(x))

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits and, with an auxiliary classifier, one auxiliary logits, all ``(N, K, H, W)``."""
        features, size = self.backbone(x), spatial_size(x)
        logits = resize(self.classifier(features["out"]), size)
        if self.aux_classifier is None:
            return logits, ()
        return logits, (resize(self.aux_classifier(features["aux"]), size),)


class OutputAdapter(SegmentationModel):
    """A network whose output is logits, ``(logits, labels)``, or ``{"out": logits}``.

    It has no auxiliary heads; image-level labels are dropped. Parameter names gain the prefix
    ``network.``. Which input sizes are allowed is the network's matter: most of
    segmentation_models_pytorch's take multiples of 32 and raise RuntimeError for others.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(N, K, H, W)`` of images ``(N, 3, H, W)``."""
        logits = _logits_in(self.network(x), self.network)
        size = spatial_size(x)
        # Most are at the input size already; resizing them would cost time and change nothing.
        return logits if spatial_size(logits) == size else resize(logits, size)

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits ``(N, K, H, W)`` of images ``(N, 3, H, W)``, and ()."""
        return self.forward(x), ()


def adapt(model: nn.Module) -> SegmentationModel:
    """`model` behind the contract of `SegmentationModel`; it shares the weights of `model`.

    Takes networks of ``torchvision.models.segmentation`` and ``segmentation_models_pytorch``
    (subclasses too). A network that keeps the contract already is returned as it is.

    Raises `ModelError` for anything else, and for a segmentation_models_pytorch network with an
    output activation, whose outputs are not logits.
    """
    if isinstance(model, SegmentationModel):
        return model
    if not isinstance(model, nn.Module):
        raise ModelError(
            f"adapt: expected a torch.nn.Module, found {type(model).__name__}; "
            "pass the network itself, not its name or its weights"
        )
    if _comes_from(model, _TORCHVISION):
        return _adapt_torchvision(model)
    if _comes_from(model, _SMP):
        _check_no_activation(model)
        return OutputAdapter(model)
    raise ModelError(
        f"adapt: expected a network of {_TORCHVISION} or {_SMP}, "
        f"found {type(model).__module__}.{type(model).__qualname__}; unwrap the network (from "
        "DataParallel, torch.compile, ...) or derive it from segprune.models.SegmentationModel"
    )


def _comes_from(model: nn.Module, package: str) -> bool:
    modules = (cls.__module__ for cls in type(model).__mro__)
    return any(module == package or module.startswith(package + ".") for module in modules)


def _adapt_torchvision(model: nn.Module) -> SegmentationModel:
    names = {cls.__name__ for cls in type(model).__mro__}
    children = dict(model.named_children())
    if "_SimpleSegmentationModel" in names and {"backbone", "classifier"} <= children.keys():
        return BackboneAdapter(
            children["backbone"], children["classifier"], children.get("aux_classifier")
        )
    if "LRASPP" in names:
        return OutputAdapter(model)
    raise ModelError(
        f"adapt: expected an FCN, DeepLabV3 or LRASPP network of {_TORCHVISION}, "
        f"found {type(model).__qualname__}; pass the whole network, not one of its parts"
    )


def _check_no_activation(model: nn.Module) -> None:
    children = dict(model.named_children())
    if "segmentation_head" not in children:
        raise ModelError(
            f"adapt: expected a {_SMP} network with a 'segmentation_head', "
            f"found {type(model).__qualname__}; pass the whole network, not one of its parts"
        )
    for module in children["segmentation_head"].modules():
        activation = dict(module.named_children()).get("activation")
        if activation is not None and not isinstance(activation, nn.Identity):
            raise ModelError(
                f"adapt: expected a network that gives logits, found the output activation "
                f"{type(activation).__name__} in {type(model).__qualname__}; "
                "build it with activation=None"
            )


def _logits_in(output: object, network: nn.Module) -> Tensor:
    if isinstance(output, Mapping):
        output = output.get("out")
    elif isinstance(output, tuple) and output:
        output = output[0]
    if not isinstance(output, Tensor) or output.ndim != 4:
        raise ModelError(
            f"output of {type(network).__qualname__}: expected logits (N, K, H, W), "
            "(logits, labels) or a mapping with the key 'out', "
            f"found {type(output).__name__}; derive an adapter from SegmentationModel"
        )
    return output
