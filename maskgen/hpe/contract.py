"""What every head-pose network of the harness takes, gives and says about itself.

A network is one file in hpe/models: a HeadPoseModel subclass under ``@register("name")``. Inside it may work
in any form; what leaves it is frame C of docs/conventions.md, converted once, in ``forward``. The conformance
suite (tests/hpe/test_conformance.py) runs over everything registered.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypedDict

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import UsageError
from . import rotations
from .bins import NARROW

BatchSpec = Literal["single", "pairs", "refs", "detection"]
#: (indices of a batch, generator) -> (indices of reference images (K,), rows of them per input (B, k))
ReferencePicker = Callable[[Sequence[int], np.random.Generator], tuple[np.ndarray, np.ndarray]]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass
class Output:
    """What a network says about B images.

    R: (B, 3, 3) rotations in frame C. euler: (B, 3) (yaw, pitch, roll) in degrees, of the same rotations.
    extras: whatever the loss or a drawing needs (logits, embeddings, boxes), named by the model. Networks
    that look for the face themselves give ``detected`` (B,) bool; where it is False, R is the identity.
    """

    R: Tensor
    euler: Tensor
    extras: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_matrix(cls, rotation: Tensor, **extras: Any) -> Output:
        """From rotations in frame C; the angles are read from them."""
        return cls(rotation, rotations.matrix_to_euler(rotation), extras)

    @classmethod
    def from_euler(cls, euler_deg: Tensor, **extras: Any) -> Output:
        """From (yaw, pitch, roll) in degrees; they are kept as they are, also beyond 90 degrees of yaw."""
        euler = euler_deg.float() if euler_deg.dtype in (torch.float16, torch.bfloat16) else euler_deg
        return cls(rotations.euler_to_matrix(euler), euler, extras)


class References(TypedDict):
    """Reference images of ``refs`` batches: K images shared by the batch, and which ones each input uses."""

    images: Tensor  # (K, 3, H, W), prepared like the inputs
    R: Tensor  # (K, 3, 3)
    index: Tensor  # (B, k) int64, rows of images


class Targets(TypedDict, total=False):
    """Labels of a batch of B images. R and euler are always there; the rest where the data have it."""

    R: Tensor  # (B, 3, 3), frame C
    euler: Tensor  # (B, 3) degrees, (yaw, pitch, roll) as the label has them
    bins: Tensor  # (B, 3) int64, 66 bins of 3 degrees from -99; -1 = outside
    levels: Tensor  # (B, 3) int64, rank levels: the same bins, clamped to 0..65
    landmarks68: Tensor  # (B, 68, 2), in [0, 1] of the input image; NaN = unknown
    box: Tensor  # (B, 4), x0 y0 x1 y1 of the face in [0, 1] of the input image
    points5: Tensor  # (B, 5, 2), eyes, nose tip, mouth corners in [0, 1]; NaN = unknown
    sample_id: Sequence[str]
    mask_meta: Sequence[Mapping[str, Any]]  # {"masked": bool, "style": str | None, "pair": str}
    refs: References


def make_targets(euler_deg: Tensor, rotation: Tensor | None = None, **more: Any) -> Targets:
    """Targets from (yaw, pitch, roll) (B, 3) in degrees, with matrices, bins and rank levels filled in.

    rotation: the exact matrices (B, 3, 3) where the caller has them; else those of the angles.
    """
    euler = euler_deg.float()
    bins = NARROW.label(euler)
    levels = torch.floor((euler - NARROW.start) / NARROW.width).long().clamp(0, NARROW.count - 1)
    matrix = rotations.euler_to_matrix(euler) if rotation is None else rotation.float()
    targets = Targets(R=matrix, euler=euler, bins=bins, levels=levels)
    targets.update(more)  # type: ignore[typeddict-item]
    return targets


@dataclass(frozen=True)
class InputSpec:
    """How a network wants its images: ``size`` px square (height and width), and their numbers.

    channels: order of the colour planes. mean, std: for pixels scaled to 0..1; None = raw 0..255.
    crop: name of the crop policy of maskgen.hpe.data (hopenet, fsanet, frame, ...).
    """

    size: int = 224
    channels: Literal["rgb", "bgr"] = "rgb"
    mean: tuple[float, float, float] | None = IMAGENET_MEAN
    std: tuple[float, float, float] | None = IMAGENET_STD
    crop: str = "hopenet"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UsageError(f"a network's input is at least a pixel wide, got size {self.size}")

    @property
    def raw(self) -> bool:
        """Whether pixels go in as 0..255 with no scaling."""
        return self.mean is None


def prepare(images: Tensor | np.ndarray, spec: InputSpec) -> Tensor:
    """uint8 RGB images as the float32 tensor (B, 3, size, size) ``spec`` asks for, in channels-last memory.

    images: (B, H, W, 3) or (B, 3, H, W) uint8, RGB, already cropped and resized to ``spec.size``.
    Raises UsageError for any other shape or type.
    """
    x = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    if x.dtype != torch.uint8 or x.ndim != 4:
        raise UsageError(f"images to prepare are a uint8 RGB batch of 4 axes, got {x.dtype} {tuple(x.shape)}")
    if x.shape[-1] == 3 and x.shape[1] != 3:
        x = x.permute(0, 3, 1, 2)
    if x.shape[1:] != (3, spec.size, spec.size):
        raise UsageError(
            f"images to prepare are {spec.size} x {spec.size} px for this network, got {tuple(x.shape[1:])}; "
            f"crop and resize first"
        )
    x = x.to(torch.float32, memory_format=torch.channels_last)
    if spec.mean is not None and spec.std is not None:
        mean = x.new_tensor(spec.mean).view(1, 3, 1, 1)
        std = x.new_tensor(spec.std).view(1, 3, 1, 1)
        x = (x / 255.0 - mean) / std
    return x.flip(1).contiguous(memory_format=torch.channels_last) if spec.channels == "bgr" else x


@dataclass(frozen=True)
class ModelCard:
    """Where a network comes from. ``published``: protocol id -> (yaw, pitch, roll, MAE) in degrees.

    A key may carry a remark after a space ("p1-aflw2000 alpha=1"); a number the source does not give is None.
    ambiguities: what the source leaves open, each with the choice made here.
    """

    title: str
    paper: str
    year: int
    licence: str
    published: Mapping[str, tuple[float | None, float | None, float | None, float | None]] = field(
        default_factory=dict
    )
    ambiguities: tuple[str, ...] = ()
    notes: str = ""


@dataclass(frozen=True)
class Stage:
    """One stage of training. epochs: None = as configured; overrides: dotted config keys for the stage."""

    name: str
    epochs: int | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)


class HeadPoseModel(nn.Module):
    """Base of all networks. Constructors take keyword options only, all with defaults.

    `create_model` holds the options to the annotations of ``__init__``, a Literal's values included; a
    constructor checks only what annotations cannot say.
    """

    #: set by @register
    name: ClassVar[str] = ""
    card: ClassVar[ModelCard]
    #: a constructor that changes the input (``size=64``) sets its own on the instance
    input_spec: InputSpec = InputSpec()
    #: single: any batch; pairs: images 2i and 2i+1 belong together, or pairs are formed from the batch;
    #: refs: targets["refs"] holds reference images; detection: whole frames, the face is found by the network
    batch_spec: ClassVar[BatchSpec] = "single"
    #: options that make a small relative for tests and quick runs (a ResNet-18 trunk at 64 px, say)
    tiny: ClassVar[Mapping[str, Any]] = {}
    #: the options the instance was created with; checkpoints store them
    options: Mapping[str, Any] = {}

    def forward(self, images: Tensor, targets: Targets | None = None) -> Output:
        """Poses of ``images`` (B, 3, size, size) from ``prepare``; targets only where training needs them."""
        raise NotImplementedError

    def loss(self, output: Output, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to minimise, averaged over the batch, and its parts by name (detached) for the log."""
        raise NotImplementedError

    def param_groups(self, cfg: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Optimiser groups {"params", "lr_scale", "name"}; the learning rate of a group is lr * lr_scale."""
        params = [p for p in self.parameters() if p.requires_grad]
        return [{"params": params, "lr_scale": 1.0, "name": "all"}]

    def stages(self, cfg: Mapping[str, Any]) -> list[Stage]:
        """The stages of training, in order; one by default."""
        return [Stage("train")]

    def enter_stage(self, stage: Stage) -> None:
        """Called before each stage, and again when a run resumes inside it; must be repeatable."""

    def batch_sampler(
        self, euler_deg: np.ndarray, batch_size: int, seed: int, stage: Stage
    ) -> Iterable[list[int]] | None:
        """Batches of indices for one epoch, if the network needs them of its own kind; None = shuffled.

        euler_deg: (N, 3) labels of the training set.
        """
        return None

    def reference_picker(self, euler_deg: np.ndarray) -> ReferencePicker | None:
        """For refs networks: who chooses the images of targets["refs"] for a batch; None = no references.

        euler_deg: (N, 3) labels of the training set. The result is called with the batch's indices and a
        generator and gives (pool, index): the training images to load, (K,), and the rows of them each input
        uses, (B, k).
        """
        return None

    def training_notes(self, euler_deg: np.ndarray) -> list[str]:
        """Sentences for the training log about the labels (N, 3) of the training set; none by default."""
        return []

    def degrade(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Degradations the network is to be trained under, after all other augmentation; none by default.

        images: (B, 3, H, W) RGB in 0..1 on the device, before ``prepare``'s scaling.
        """
        return images

    def export_view(self) -> nn.Module:
        """The inference graph, a module from images (B, 3, size, size) to R (B, 3, 3), in eval mode.

        A copy: training-only parts may be dropped and layers fused without touching this model.
        """
        return ExportView(copy.deepcopy(self).eval())

    def check_images(self, images: Tensor) -> None:
        """UsageError unless ``images`` fit input_spec; nothing while a graph is traced for export."""
        if rotations.traced() or torch.compiler.is_compiling():
            return
        size = self.input_spec.size
        if not isinstance(images, Tensor) or images.ndim != 4 or images.shape[1:] != (3, size, size):
            got = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
            raise UsageError(f"{self.name} takes images of shape (B, 3, {size}, {size}), got {got}")
        if not images.is_floating_point():
            raise UsageError(
                f"{self.name} takes prepared float images, got {images.dtype}; "
                f"use maskgen.hpe.contract.prepare on uint8 RGB"
            )
        if images.shape[0] == 0:
            raise UsageError(f"{self.name} was given an empty batch")


class ExportView(nn.Module):
    """images -> R of a model; what export_view() returns unless a model has less to run at inference."""

    def __init__(self, model: HeadPoseModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        rotation: Tensor = self.model(images).R
        return rotation


def require(targets: Targets, *keys: str) -> None:
    """UsageError if a loss needs labels that the data do not have."""
    missing = [k for k in keys if targets.get(k) is None]
    if missing:
        raise UsageError(
            f"this loss needs the label(s) {', '.join(missing)}, which the data do not have; "
            f"they have {', '.join(sorted(targets))}"
        )


def count_parameters(module: nn.Module, statistics: bool = False) -> int:
    """Numbers in the parameters of a module; with ``statistics`` BatchNorm means and variances too."""
    total = sum(p.numel() for p in module.parameters())
    if statistics:
        total += sum(b.numel() for n, b in module.named_buffers() if ".running_" in f".{n}")
    return total
