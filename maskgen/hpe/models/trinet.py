"""TriNet: the head's left, down and front directions as three vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import UsageError
from ..contract import HeadPoseModel, InputSpec, ModelCard, Output, Targets, require
from ..nn.backbones import build_trunk
from ..nn.fsa import Capsules, FineGrainedMapping
from ..registry import register
from ..rotations import from_trinet, full_precision, project_so3

CARD = ModelCard(
    title="TriNet",
    paper="Cao, Chu, Liu, Chen: A Vector-based Representation to Enhance Head Pose Estimation, WACV 2021",
    year=2021,
    licence="Apache-2.0 (anArkitek/TriNet_WACV2021); this implementation MIT",
    # yaw and roll are exchanged between two comparisons that quote this network; these are GLPose's
    published={
        "p1-aflw2000": (4.20, None, 4.04, 4.67),
        "p1-biwi": (3.04, None, 4.11, 3.97),
        "p2-biwi 70/30": (None, None, None, 2.80),
    },
    ambiguities=(
        "Which maps of the trunk: stages 1, 2 and 3 (strides 4, 8, 16), brought to 8 x 8 by mean pooling "
        "and by nearest enlarging, each reduced to 64 channels by a 1x1 convolution and ReLU.",
        "Scores of the mapping: the 1x1 form of FSA-Net, with its 7 x 5 sizes.",
        "From capsules to vectors: one linear layer 16 -> 3 for each of the three.",
        "Its test list keeps images by other rules (l_x >= 0 and f_z >= 0): published errors are not "
        "comparable.",
        "Yaw and roll columns are exchanged between GLPose (4.20/4.04) and 6DRepNet (4.04/4.20).",
    ),
    notes="Adam 1e-4, x0.1 at epoch 70, 90 epochs, batch 16 to 32, 64 px.",
)


@register("trinet")
class TriNet(HeadPoseModel):
    """ResNet trunk at 64 px, three maps, FSA-Net's mapping and capsules, three vectors.

    trunk (a ResNet), width, weights: of the backbone; size: input pixels, a multiple of 32. orthogonality:
    weight of the squared cosines between the vectors. The network's own matrix is ``Rx(p) Ry(-y) Rz(r)``, the
    vectors its columns.
    """

    card = CARD
    tiny: ClassVar[Mapping[str, Any]] = {"trunk": "resnet18", "width": 0.25}

    def __init__(
        self,
        *,
        trunk: str = "resnet50",
        width: float = 1.0,
        size: int = 64,
        weights: str | None = None,
        orthogonality: float = 0.1,
    ) -> None:
        super().__init__()
        if not trunk.startswith("resnet"):
            raise UsageError(f"trinet takes its maps from the stages of a ResNet; trunk {trunk!r} is none")
        if size < 64 or size % 32:
            raise UsageError(f"trinet's input is a multiple of 32 pixels, 64 or more, got {size}")
        self.input_spec = InputSpec(size=size, crop="fsanet")
        self.trunk = build_trunk(trunk, width, weights)
        # the last stage is 2 x 2 at this size and has no part
        self.trunk.layer4 = nn.Identity()
        self.reduce = nn.ModuleList(nn.Conv2d(c, 64, 1) for c in self.trunk.channels[:3])
        cells = size // 8
        self.mapping = FineGrainedMapping("1x1", positions=cells * cells)
        self.capsules = Capsules(3 * self.mapping.rows)
        axes = [nn.Linear(16, 3) for _ in range(3)]
        for i, axis in enumerate(axes):
            # squashed capsules are short at first: the bias answers with a frontal head
            with torch.no_grad():
                axis.bias.copy_(torch.eye(3)[i])
        self.axes = nn.ModuleList(axes)
        self.orthogonality = orthogonality

    def maps(self, images: Tensor) -> list[Tensor]:
        """Three maps (B, 64, size/8, size/8)."""
        t = self.trunk
        first = t.layer1(t.stem(images))
        second = t.layer2(first)
        third = t.layer3(second)
        taps = [F.avg_pool2d(first, 2), second, F.interpolate(third, scale_factor=2.0, mode="nearest")]
        return [F.relu(layer(x)) for layer, x in zip(self.reduce, taps, strict=True)]

    def forward(self, images: Tensor, targets: Targets | None = None) -> Output:
        """The rotation nearest to the three vectors; extras ``vectors`` (B, 3, 3), one per column."""
        self.check_images(images)
        capsules = self.capsules(self.mapping(self.maps(images)))
        vectors = torch.stack([axis(capsules[:, i]) for i, axis in enumerate(self.axes)], dim=-1).float()
        return Output.from_matrix(from_trinet(project_so3(vectors)), vectors=vectors)

    def loss(self, output: Output, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        """Squared error of the nine numbers + ``orthogonality`` * squared cosines, means over images."""
        require(targets, "R")
        error, cosines = vector_losses(output.extras["vectors"], from_trinet(targets["R"]))
        return error + self.orthogonality * cosines, {"mse": error.detach(), "cosines": cosines.detach()}


@full_precision
def vector_losses(vectors: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Squared error and squared cosines of the columns of (B, 3, 3), each summed; batch means."""
    error = (vectors - truth).square().sum((1, 2)).mean()
    direction = F.normalize(vectors, dim=1, eps=1e-6)
    gram = direction.mT @ direction
    cosines = gram[:, 0, 1].square() + gram[:, 0, 2].square() + gram[:, 1, 2].square()
    return error, cosines.mean()
