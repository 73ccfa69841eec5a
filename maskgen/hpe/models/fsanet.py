"""FSA-Net (Yang et al. 2019) in its nine variants, and the fusion of the three scorings."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..contract import HeadPoseModel, InputSpec, ModelCard, Output, Targets
from ..losses import angle_l1
from ..nn import fsa
from ..registry import register

Aggregation = Literal["caps", "agg", "vlad"]

_PAPER = "Yang, Chen, Lin, Chuang: FSA-Net: Learning Fine-Grained Structure Aggregation, CVPR 2019"
_LICENCE = "Apache-2.0 (shamangary/FSA-Net)"
_AMBIGUITIES = (
    "the capsule paper's aggregation column 'none' is a pair of linear layers in the code: variant agg",
    "bin weights die in training (an angle stuck at 0): they start positive and keep a small gradient below "
    "zero (revive=0, bias=0 restores the original)",
    "the fusion is the mean of the three variants' angles",
)
_PUBLISHED: dict[str, dict[str, tuple[float | None, float | None, float | None, float | None]]] = {
    "caps_wo": {"p1-aflw2000": (5.27, 6.71, 5.28, 5.75), "p1-biwi": (None, None, None, 4.22)},
    "caps_1x1": {"p1-aflw2000": (4.82, 6.19, 4.76, 5.25), "p1-biwi": (None, None, None, 4.31)},
    "caps_var": {"p1-aflw2000": (4.96, 6.34, 4.78, 5.36), "p1-biwi": (None, None, None, 4.28)},
}
#: mean errors of protocol 2 (BIWI, split by video), wo / 1x1 / var
_PROTOCOL_2 = {
    "agg_wo": 3.95, "agg_1x1": 4.01, "agg_var": 3.83,
    "caps_wo": 3.84, "caps_1x1": 3.77, "caps_var": 3.92,
    "vlad_wo": 3.97, "vlad_1x1": 3.88, "vlad_var": 3.88,
}  # fmt: skip

INPUT = InputSpec(size=64, channels="bgr", mean=None, std=None, crop="fsanet")


class FSANet(HeadPoseModel):
    """Two streams, scores, fine-grained mapping, aggregation, soft stage-wise regression.

    Takes raw BGR pixels 0..255. revive, bias: see nn.fsa.SSRHead; both 0 for the original.
    """

    input_spec = INPUT
    aggregation: ClassVar[Aggregation]
    scoring: ClassVar[fsa.Scoring]

    def __init__(self, *, revive: float = 0.1, bias: float = 0.1) -> None:
        super().__init__()
        self.streams = fsa.TwoStreams()
        self.mapping = None if self.scoring == "wo" else fsa.FineGrainedMapping(self.scoring)
        vectors = 192 if self.scoring == "wo" else 21
        if self.aggregation == "caps":
            self.aggregate: nn.Module = fsa.Capsules(vectors)
        elif self.aggregation == "agg":
            self.aggregate = fsa.LinearAggregation(vectors)
        else:
            self.aggregate = fsa.NetVLAD()
        fsa.keras_init(self.streams)
        if self.mapping is not None:
            fsa.keras_init(self.mapping)
        self.head = fsa.CapsuleHead(revive, bias)

    def forward(self, images: Tensor, targets: Targets | None = None) -> Output:
        self.check_images(images)
        maps = [r * t for r, t in self.streams(images)]
        maps[2] = F.avg_pool2d(maps[2], 2)
        vectors = fsa.stack_vectors(maps) if self.mapping is None else self.mapping(maps)
        capsules = self.aggregate(vectors)
        return Output.from_euler(self.head(capsules), capsules=capsules)

    def loss(self, output: Output, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        loss = angle_l1(output.euler, targets["euler"])
        return loss, {"l1": loss.detach()}


def _register_variants() -> None:
    titles = {"caps": "capsules", "agg": "linear aggregation", "vlad": "NetVLAD"}
    aggregations: tuple[Aggregation, ...] = ("caps", "agg", "vlad")
    scorings: tuple[fsa.Scoring, ...] = ("wo", "1x1", "var")
    for aggregation in aggregations:
        for scoring in scorings:
            variant = f"{aggregation}_{scoring}"
            card = ModelCard(
                title=f"FSA-Net ({titles[aggregation]}, scoring {scoring})",
                paper=_PAPER,
                year=2019,
                licence=_LICENCE,
                published={
                    **_PUBLISHED.get(variant, {}),
                    "p2-biwi-video": (None, None, None, _PROTOCOL_2[variant]),
                },
                ambiguities=_AMBIGUITIES,
                notes="Adam 1e-3, batch 16, 90 epochs, x0.1 at 30, 60. Raw BGR; released weights load.",
            )
            body = {
                "aggregation": aggregation, "scoring": scoring, "card": card,
                "__module__": __name__, "__doc__": FSANet.__doc__,
            }  # fmt: skip
            register(f"fsanet_{variant}")(type(f"FSANet_{variant}", (FSANet,), body))


_register_variants()


@register("fsanet_fusion")
class FSANetFusion(HeadPoseModel):
    """Mean of the angles of the wo, 1x1 and var variants with capsules, trained side by side or imported."""

    card = ModelCard(
        title="FSA-Net (fusion)",
        paper=_PAPER,
        year=2019,
        licence=_LICENCE,
        published={
            "p1-aflw2000": (4.50, 6.08, 4.64, 5.07),
            "p1-biwi": (4.27, 4.96, 2.76, 4.00),
            "p2-biwi-video": (2.89, 4.29, 3.60, 3.60),
        },
        ambiguities=_AMBIGUITIES,
        notes="Three networks; the loss is the mean of theirs, so each trains as it would alone.",
    )
    input_spec = INPUT

    def __init__(self, *, revive: float = 0.1, bias: float = 0.1) -> None:
        super().__init__()
        from ..registry import model_class

        self.members = nn.ModuleDict(
            {
                scoring: model_class(f"fsanet_caps_{scoring}")(revive=revive, bias=bias)
                for scoring in ("wo", "1x1", "var")
            }
        )

    def forward(self, images: Tensor, targets: Targets | None = None) -> Output:
        self.check_images(images)
        angles = torch.stack([member(images).euler for member in self.members.values()])
        return Output.from_euler(angles.mean(0), members=angles)

    def loss(self, output: Output, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        losses = [angle_l1(euler, targets["euler"]) for euler in output.extras["members"]]
        parts = {f"l1_{name}": value.detach() for name, value in zip(self.members, losses, strict=True)}
        return torch.stack(losses).mean(), parts
