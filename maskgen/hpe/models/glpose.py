"""GLPose: global-local attention, a landmark branch and feature interpolation, both for training only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import UsageError
from ..attention import GLAM, SeparableConv, unit
from ..contract import HeadPoseModel, InputSpec, ModelCard, Output, Stage, Targets, require
from ..nn.backbones import build_trunk
from ..registry import register
from ..rotations import full_precision, geodesic, midpoint, six_d_to_matrix
from ..samplers import close_pairs

CARD = ModelCard(
    title="GLPose",
    paper="Chen, Chen, Hsiao, Fu, Ding: GLPose: Global-Local Attention Network with Feature Interpolation "
    "Regularization for Head Pose Estimation of People Wearing Facial Masks, BMVC 2022",
    year=2022,
    licence="no public code; this implementation MIT",
    published={
        "p1-aflw2000": (3.33, 4.71, 3.16, 3.73),
        "p1-aflw2000 with masks": (3.35, 4.58, 3.11, 3.68),
        "p1-biwi": (4.23, 3.54, 2.78, 3.51),
        "p1-biwi with masks": (4.18, 3.45, 2.67, 3.43),
    },
    ambiguities=(
        "Backbone and place of the attention: ResNet-50, after stages 3 and 4.",
        "Local attention is CBAM (r = 16, 7x7), global attention single-head over positions with C/8 "
        "queries and a gate that starts at zero; their outputs are added.",
        "The true rotation of an interpolated feature: the geodesic midpoint of both; pairs are less than "
        "90 degrees apart.",
        "Landmark error: mean squared distance over 68 points in fractions of the crop (landmark_loss: norm "
        "is the sum of distances that the poster shows).",
        "Weights: landmarks 1.0, interpolation 0.5. Adam 1e-4, batch 64, 60 epochs, halved at 20 and 40.",
        "The printed geodesic distance lacks the -1 and the transpose; the usual one is used.",
    ),
    notes="Ablation BIWI / AFLW2000: none 3.72/3.99, GLAM 3.52/3.90, landmarks 3.52/3.98, interpolation "
    "3.50/3.81, GLAM and landmarks 3.41/3.86, all 3.43/3.68.",
)


class LandmarkBranch(nn.Module):
    """68 points from the last feature map: two depthwise-separable convolutions, global mean, linear."""

    def __init__(self, channels: int, width: int = 256) -> None:
        super().__init__()
        self.convs = nn.Sequential(SeparableConv(channels, width), SeparableConv(width, width))
        self.linear = nn.Linear(width, 68 * 2)
        # an untrained branch answers with the middle of the crop
        nn.init.constant_(self.linear.bias, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to points (B, 68, 2) in fractions of the crop."""
        out: Tensor = self.linear(self.convs(x).mean((2, 3)))
        return out.view(-1, 68, 2)


@full_precision
def landmark_error(predicted: Tensor, truth: Tensor, form: str) -> Tensor:
    """Error of points (B, 68, 2), unknown ones (NaN) left out: mean squared distance, or ``norm``, summed
    distances.

    0, with its gradient path intact, where a whole batch has none.
    """
    known = truth.isfinite().all(-1)
    squared = (predicted - truth.nan_to_num(0.0)).square().sum(-1)
    if form == "norm":
        distance = squared.clamp_min(1e-12).sqrt()
        return (distance * known).sum() / len(predicted)
    return (squared * known).sum() / known.sum().clamp_min(1)


@register("glpose")
class GLPose(HeadPoseModel):
    """Trunk with attention, embedding of length 1, 6 numbers, Gram-Schmidt; images 2i and 2i+1 are a pair.

    trunk (a ResNet), width, weights: of the backbone; size: input pixels. attention, landmarks,
    interpolation: the three parts of the ablation. alpha, beta: weights of landmarks and interpolation.
    landmark_loss: squared or norm.
    """

    card = CARD
    batch_spec = "pairs"
    tiny: ClassVar[Mapping[str, Any]] = {"trunk": "resnet18", "width": 0.25, "size": 64}

    def __init__(
        self,
        *,
        trunk: str = "resnet50",
        width: float = 1.0,
        size: int = 224,
        weights: str | None = None,
        attention: bool = True,
        landmarks: bool = True,
        interpolation: bool = True,
        alpha: float = 1.0,
        beta: float = 0.5,
        landmark_loss: Literal["squared", "norm"] = "squared",
    ) -> None:
        super().__init__()
        if not trunk.startswith("resnet"):
            raise UsageError(f"glpose puts attention after the stages of a ResNet; trunk {trunk!r} is none")
        self.input_spec = InputSpec(size=size)
        self.trunk = build_trunk(trunk, width, weights)
        third, fourth = self.trunk.channels[2], self.trunk.channels[3]
        self.glam3 = GLAM(third) if attention else nn.Identity()
        self.glam4 = GLAM(fourth) if attention else nn.Identity()
        self.head = nn.Linear(fourth, 6)
        # the embedding has length 1: near zero weights the bias alone decides, here for a frontal head
        nn.init.normal_(self.head.weight, std=0.1)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))
        self.landmark_branch = LandmarkBranch(fourth) if landmarks else None
        self.interpolation = interpolation
        self.alpha, self.beta, self.landmark_loss = alpha, beta, landmark_loss

    def features(self, images: Tensor) -> Tensor:
        """The last feature map (B, C, H, W), attention applied."""
        t = self.trunk
        x = self.glam3(t.layer3(t.layer2(t.layer1(t.stem(images)))))
        out: Tensor = self.glam4(t.layer4(x))
        return out

    def rotation(self, embedding: Tensor) -> Tensor:
        """Rotations (B, 3, 3) of embeddings (B, C) of length 1."""
        return six_d_to_matrix(self.head(embedding))

    def forward(self, images: Tensor, targets: Targets | None = None) -> Output:
        """Rotations; with targets also extras ``landmarks`` and, of the pairs' mean embeddings, ``R3``."""
        self.check_images(images)
        x = self.features(images)
        embedding = unit(x.mean((2, 3)))
        extras: dict[str, Any] = {"embedding": embedding}
        if targets is not None:
            if self.landmark_branch is not None:
                extras["landmarks"] = self.landmark_branch(x)
            if self.interpolation and len(images) > 1:
                first, second = embedding[0 : len(images) - 1 : 2], embedding[1::2]
                extras["R3"] = self.rotation(unit((first + second) / 2))
        return Output.from_matrix(self.rotation(embedding), **extras)

    def loss(self, output: Output, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        """Geodesic angle (radians) + alpha * landmarks over images, + beta * geodesic angle of interpolated
        pairs.

        The source adds the images of a pair up where this takes the mean over all images, which halves both
        first terms: beta is halved with them, so that the balance is the source's.
        """
        require(targets, "R")
        truth = targets["R"]
        total = geodesic(output.R, truth).mean()
        parts = {"geodesic": total.detach()}
        if "landmarks" in output.extras:
            require(targets, "landmarks68")
            points = landmark_error(output.extras["landmarks"], targets["landmarks68"], self.landmark_loss)
            total = total + self.alpha * points
            parts["landmarks"] = points.detach()
        if "R3" in output.extras:
            middle = midpoint(truth[0 : len(truth) - 1 : 2], truth[1::2])
            third = geodesic(output.extras["R3"], middle).mean()
            total = total + 0.5 * self.beta * third
            parts["interpolation"] = third.detach()
        return total, parts

    def batch_sampler(
        self, euler_deg: np.ndarray, batch_size: int, seed: int, stage: Stage
    ) -> Iterable[list[int]] | None:
        """Pairs less than 90 degrees apart, where interpolation needs them."""
        return close_pairs(euler_deg, batch_size, seed) if self.interpolation else None

    def export_view(self) -> nn.Module:
        """Without the landmark branch; its absence changes no output bit."""
        view = super().export_view()
        view.model.landmark_branch = None  # type: ignore[union-attr]
        return view
