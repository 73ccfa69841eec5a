"""Released FSA-Net and SSR-Net-MD weights: Keras HDF5 files into the networks of hpe/models.

A file of any of the nine variants (or SSR-Net-MD) says by its layers which one it is. Keras numbers layers
through a whole process (``dense_3`` or ``dense_12`` for the same layer), so layers are told apart by kind and
shape and ordered by number; the groups a file keeps them in do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ...errors import MissingDependency, UsageError
from ..contract import HeadPoseModel
from ..registry import create_model

Layers = dict[str, dict[str, np.ndarray]]


def load_fsanet(path: str | Path) -> HeadPoseModel:
    """The network of a released HDF5 file, in eval mode, its variant read off the file's layers.

    Raises UsageError, one line, for a file that is missing, not HDF5, or of another network;
    MissingDependency without h5py.
    """
    layers = read_layers(path)
    name = variant(layers, path)
    model = create_model(name)
    _Filler(model, layers, Path(path).name).fill()
    return model.eval()


def load_fsanet_fusion(paths: list[str | Path]) -> HeadPoseModel:
    """The fusion of three released files with capsules, one of each scoring, in any order."""
    members = {m.name: m for m in (load_fsanet(p) for p in paths)}
    wanted = {f"fsanet_caps_{s}": s for s in ("wo", "1x1", "var")}
    if len(paths) != 3 or set(members) != set(wanted):
        raise UsageError(
            f"the fusion needs one released file each of {', '.join(sorted(wanted))}; "
            f"got {', '.join(sorted(m for m in members))}"
        )
    fusion = create_model("fsanet_fusion")
    for name, scoring in wanted.items():
        fusion.get_submodule(f"members.{scoring}").load_state_dict(members[name].state_dict())
    return fusion.eval()


def read_layers(path: str | Path) -> Layers:
    """layer name -> weight name -> array, of every weight in an HDF5 file, whatever groups hold it."""
    try:
        import h5py
    except ImportError:
        raise MissingDependency(
            "reading Keras weight files needs h5py; install it with: pip install 'maskgen[keras-weights]'"
        ) from None
    if not Path(path).is_file():
        raise UsageError(f"there is no weight file {path}")
    layers: Layers = {}

    def visit(name: str, item: Any) -> None:
        parts = name.split("/")
        if isinstance(item, h5py.Dataset) and len(parts) >= 2 and "optimizer_weights" not in parts:
            layers.setdefault(parts[-2], {})[parts[-1].split(":")[0]] = np.asarray(item)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except OSError:
        raise UsageError(f"{path} is not an HDF5 file, the form of released Keras weights") from None
    if not layers:
        raise UsageError(f"{path} holds no layer weights; a Keras file saved with its weights is needed")
    return layers


def variant(layers: Layers, path: str | Path = "the file") -> str:
    """The registered name of the network a released file belongs to."""
    weights = {w for layer in layers.values() for w in layer}
    dense, conv = _kernels(layers, "dense"), _kernels(layers, "conv2d")
    if {(1024, 9), (4096, 9)} <= dense:
        return "ssrnet_md"
    if "W" in weights:
        aggregation = "caps"
    elif {"kernel_type1", "kernel_type2"} <= weights:
        aggregation = "agg"
    elif {"kernel_W1", "kernel_B1", "kernel_W2", "kernel_H1"} <= weights:
        aggregation = "vlad"
    else:
        shown = ", ".join(sorted(layers)[:4])
        raise UsageError(
            f"{path} is not one of the released FSA-Net or SSR-Net-MD files: no capsule, linear or NetVLAD "
            f"aggregation among its layers ({shown}, ...)"
        )
    if (16, 6) in dense:
        raise UsageError(
            f"{path} has the fully connected head of FSA-Net_FC, which is not among the networks"
        )
    if (64, 960) not in dense:
        scoring = "wo"
    else:
        scoring = "1x1" if (1, 1, 64, 1) in conv else "var"
    return f"fsanet_{aggregation}_{scoring}"


def _kernels(layers: Layers, kind: str) -> set[tuple[int, ...]]:
    """Shapes of the kernels of all layers of a kind."""
    return {w["kernel"].shape for name, w in layers.items() if _kind(name) == kind and "kernel" in w}


def _kind(layer: str) -> str:
    """Layer name without its number: separable_conv2d_12 -> separable_conv2d."""
    return re.sub(r"_\d+$", "", layer)


def _number(layer: str) -> int:
    match = re.search(r"_(\d+)$", layer)
    return int(match[1]) if match else 0


class _Filler:
    """Moves the arrays of one file into one model, checking every shape, and that none is left over."""

    def __init__(self, model: HeadPoseModel, layers: Layers, source: str) -> None:
        self.model, self.layers, self.source = model, layers, source
        self.used: set[str] = set()

    def fill(self) -> None:
        self._streams()
        mapping = getattr(self.model, "mapping", None)
        if mapping is not None:
            self._linear(mapping.fc_m, next(self._sorted("dense", (64, 960))))
            self._linear(mapping.fc_c, next(self._sorted("dense", (192, 35))))
            if mapping.score is not None:
                self._conv(mapping.score, next(self._sorted("conv2d", (1, 1, 64, 1))))
        if self.model.name == "ssrnet_md":
            self._dense_head()
        else:
            self._aggregation()
            self._capsule_head()
        left = sorted(name for name in self.layers if name not in self.used)
        if left:
            raise UsageError(
                f"{self.source} has layers that {self.model.name} has no place for: {', '.join(left)}"
            )

    def _sorted(self, kind: str, shape: tuple[int, ...]) -> Iterator[str]:
        """Names of the layers of a kind and kernel shape, in the order of their numbers."""
        key = "depthwise_kernel" if kind == "separable_conv2d" else "kernel"
        names = [n for n, w in self.layers.items() if _kind(n) == kind and key in w and w[key].shape == shape]
        if not names:
            raise UsageError(f"{self.source} lacks a {kind} layer with a kernel of {shape}")
        return iter(sorted(names, key=_number))

    def _array(self, layer: str, weight: str) -> np.ndarray:
        if weight not in self.layers.get(layer, {}):
            raise UsageError(f"{self.source} lacks the weight {layer}/{weight}")
        self.used.add(layer)
        return self.layers[layer][weight]

    def _set(self, target: torch.Tensor, array: np.ndarray, what: str) -> None:
        if tuple(target.shape) != array.shape:
            raise UsageError(
                f"{self.source}: {what} has shape {array.shape}, {tuple(target.shape)} is needed"
            )
        if not np.isfinite(array).all():
            raise UsageError(f"{self.source}: {what} holds numbers that are not finite")
        with torch.no_grad():
            target.copy_(torch.from_numpy(np.ascontiguousarray(array)))

    def _linear(self, layer: nn.Linear, name: str) -> None:
        self._set(layer.weight, self._array(name, "kernel").T, f"{name}/kernel")
        if layer.bias is not None:
            self._set(layer.bias, self._array(name, "bias"), f"{name}/bias")

    def _conv(self, layer: nn.Conv2d, name: str, weight: str = "kernel", bias: bool = True) -> None:
        # Keras keeps (h, w, in, out)
        self._set(layer.weight, self._array(name, weight).transpose(3, 2, 0, 1), f"{name}/{weight}")
        if bias and layer.bias is not None:
            self._set(layer.bias, self._array(name, "bias"), f"{name}/bias")

    def _streams(self) -> None:
        separable = sorted((n for n in self.layers if _kind(n) == "separable_conv2d"), key=_number)
        norms = sorted((n for n in self.layers if _kind(n) == "batch_normalization"), key=_number)
        if len(separable) != 14 or len(norms) != 14:
            raise UsageError(
                f"{self.source} has {len(separable)} separable convolutions and {len(norms)} normalisations; "
                f"the two streams of FSA-Net have 14 of each"
            )
        streams: Any = self.model.streams
        for block, conv, norm in zip(
            [*streams.stream_r.blocks, *streams.stream_t.blocks], separable, norms, strict=True
        ):
            depthwise = self._array(conv, "depthwise_kernel").transpose(2, 3, 0, 1)
            self._set(block.depthwise.weight, depthwise, f"{conv}/depthwise_kernel")
            self._conv(block.pointwise, conv, "pointwise_kernel")
            for target, weight in (
                (block.bn.weight, "gamma"),
                (block.bn.bias, "beta"),
                (block.bn.running_mean, "moving_mean"),
                (block.bn.running_var, "moving_variance"),
            ):
                self._set(target, self._array(norm, weight), f"{norm}/{weight}")
        for k, channels in enumerate((128, 64, 32)):
            # of each pair the layer of stream T was made first
            t, r = list(self._sorted("conv2d", (1, 1, channels, 64)))[:2]
            self._conv(streams.reduce_t[k], t)
            self._conv(streams.reduce_r[k], r)

    def _aggregation(self) -> None:
        aggregate: Any = self.model.aggregate
        for name, weights in self.layers.items():
            if "W" in weights:
                self._set(aggregate.weight, self._array(name, "W"), f"{name}/W")
            if "kernel_type1" in weights:
                self._set(
                    aggregate.channels.weight, self._array(name, "kernel_type1").T, f"{name}/kernel_type1"
                )
            if "kernel_type2" in weights:
                self._set(aggregate.mix.weight, self._array(name, "kernel_type2").T, f"{name}/kernel_type2")
            if "kernel_W1" in weights:
                self._set(aggregate.assign.weight, self._array(name, "kernel_W1").T, f"{name}/kernel_W1")
                self._set(aggregate.assign.bias, self._array(name, "kernel_B1"), f"{name}/kernel_B1")
                self._set(aggregate.centres, self._array(name, "kernel_W2")[0], f"{name}/kernel_W2")
                self._set(aggregate.hidden.weight, self._array(name, "kernel_H1").T, f"{name}/kernel_H1")

    def _named_head(self) -> None:
        head: Any = self.model.head
        for k in range(3):
            self._linear(head.delta[k], f"delta_s{k + 1}")
            self._linear(head.eta[k], f"local_delta_stage{k + 1}")

    def _capsule_head(self) -> None:
        self._named_head()
        head: Any = self.model.head
        for layer, name in zip(head.p, self._exactly("dense", (8, 9), 3), strict=True):
            self._linear(layer, name)

    def _dense_head(self) -> None:
        self._named_head()
        head: Any = self.model.head
        for features, stages in ((1024, (0, 1)), (4096, (2,))):
            hidden = self._exactly("dense", (features, 6), 2 * len(stages))
            scores = self._exactly("dense", (features, 9), len(stages))
            for i, k in enumerate(stages):
                self._linear(head.delta_hidden[k], hidden[2 * i])
                self._linear(head.eta_hidden[k], hidden[2 * i + 1])
                self._linear(head.p[k], scores[i])

    def _exactly(self, kind: str, shape: tuple[int, ...], count: int) -> list[str]:
        names = list(self._sorted(kind, shape))
        if len(names) != count:
            raise UsageError(f"{self.source} has {len(names)} {kind} layers of {shape}, {count} are needed")
        return names
