"""SSR-Net-MD: SSR-Net (Yang et al. 2018) with three angles, the baseline of the FSA-Net paper."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ..contract import HeadPoseModel, InputSpec, ModelCard, Output, Targets
from ..losses import angle_l1
from ..nn import fsa
from ..registry import register


@register("ssrnet_md")
class SSRNetMD(HeadPoseModel):
    """FSA-Net's two streams, and per stage dense layers on the product of the pooled maps.

    revive, bias: see nn.fsa.SSRHead; both 0 for the original.
    """

    card = ModelCard(
        title="SSR-Net-MD",
        paper="Yang, Huang, Lin, Hsiu, Chuang: SSR-Net, IJCAI 2018; three angles in FSA-Net, CVPR 2019",
        year=2019,
        licence="Apache-2.0 (shamangary/FSA-Net)",
        published={
            "p1-aflw2000": (5.14, 7.09, 5.89, 6.01),
            "p1-biwi": (None, None, None, 4.65),
            "p2-biwi-video": (None, None, None, 4.26),
        },
        ambiguities=(
            "the printed row averages to 6.04 on AFLW2000 and 4.80 on BIWI, not to its printed means",
            "bin weights die in training: see fsanet",
        ),
        notes="Adam 1e-3, batch 8, 90 epochs, x0.1 at 30 and 60. BGR, raw pixels.",
    )
    input_spec = InputSpec(size=64, channels="bgr", mean=None, std=None, crop="fsanet")

    def __init__(self, *, revive: float = 0.1, bias: float = 0.1) -> None:
        super().__init__()
        self.streams = fsa.TwoStreams()
        fsa.keras_init(self.streams)
        self.head = fsa.DenseHead((4 * 4 * 64, 4 * 4 * 64, 8 * 8 * 64), revive, bias)

    def forward(self, images: Tensor, targets: Targets | None = None) -> Output:
        self.check_images(images)
        maps = [F.avg_pool2d(r, 2) * F.max_pool2d(t, 2) for r, t in self.streams(images)]
        # row by row with channels last, as the released dense layers count them
        return Output.from_euler(self.head([x.permute(0, 2, 3, 1).flatten(1) for x in maps]))

    def loss(self, output: Output, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        loss = angle_l1(output.euler, targets["euler"])
        return loss, {"l1": loss.detach()}
