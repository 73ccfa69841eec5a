"""6DRepNet (Hempel, Abdelrahman and Al-Hamadi 2022): six numbers, a rotation, the geodesic loss."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from ..contract import ExportView, HeadPoseModel, InputSpec, ModelCard, Output, Targets
from ..losses import geodesic_loss
from ..nn.backbones import build_trunk
from ..registry import register
from ..rotations import from_sixdrepnet, six_d_to_matrix


@register("sixdrepnet")
class SixDRepNet(HeadPoseModel):
    """RepVGG-B1g2, global mean, a linear layer to the 6D form, Gram-Schmidt.

    The network's own matrix is ``Rz(roll) Ry(yaw) Rx(pitch)``, as trained by the authors, so that released
    weights work; it is brought to frame C here. trunk ``resnet50`` is 6DRepNet360.
    """

    card = ModelCard(
        title="6DRepNet",
        paper="Hempel, Abdelrahman, Al-Hamadi: 6D Rotation Representation for Unconstrained Head Pose "
        "Estimation, ICIP 2022",
        year=2022,
        licence="MIT (thohemp/6DRepNet)",
        published={
            "p1-aflw2000": (3.63, 4.91, 3.37, 3.97),
            "p1-biwi": (3.24, 4.48, 2.68, 3.47),
            "p2-biwi 70/30": (2.69, 2.92, 2.36, 2.66),
        },
        ambiguities=(
            "published numbers use a test rule that also forgives errors of 180 degrees",
            "channel order of the released weights: RGB in the training code, BGR by a later study; here RGB",
            "learning rate: 1e-4 in the code, 1e-5 backbone and 1e-4 head in the paper; here the code's",
        ),
        notes="Adam 1e-4, batch 80, 80 epochs; RandomResizedCrop(224, 0.8-1), flip, blur.",
    )
    input_spec = InputSpec(size=224, crop="hopenet")
    tiny: ClassVar[Mapping[str, Any]] = {"trunk": "repvgg_a0", "width": 0.5, "size": 64}

    def __init__(
        self,
        *,
        trunk: str = "repvgg_b1g2",
        width: float = 1.0,
        size: int = 224,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        self.input_spec = InputSpec(size=size, crop="hopenet")
        self.trunk = build_trunk(trunk, width, weights)
        self.linear_reg = nn.Linear(self.trunk.channels[-1], 6)

    def forward(self, images: Tensor, targets: Targets | None = None) -> Output:
        self.check_images(images)
        six = self.linear_reg(self.trunk(images)[-1].mean((2, 3)))
        native = six_d_to_matrix(six)
        return Output.from_matrix(from_sixdrepnet(native), six=six, native=native)

    def loss(self, output: Output, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        # the angle between two rotations is the same in the native form and in frame C
        loss = geodesic_loss(output.R, targets["R"])
        return loss, {"geodesic": loss.detach()}

    def export_view(self) -> nn.Module:
        """The inference graph with every RepVGG block fused into one convolution."""
        model = copy.deepcopy(self).eval()
        if hasattr(model.trunk, "fuse"):
            model.trunk.fuse()
        return ExportView(model)
