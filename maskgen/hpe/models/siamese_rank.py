"""Siamese ranking: learn the order of poses from pairs, then regress the angles from the ranked weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..contract import HeadPoseModel, InputSpec, ModelCard, Output, Stage, Targets, require
from ..nn.backbones import build_trunk
from ..ranking import Ensemble, all_pairs, degrade
from ..registry import register
from ..samplers import level_balanced

#: degrees per level, and the angle of score 0: the centre of level 0
LEVEL_DEG = 3.0
ZERO_DEG = -99.0 + LEVEL_DEG / 2
#: the score of a head that looks straight ahead
FRONTAL = -ZERO_DEG / LEVEL_DEG

CARD = ModelCard(
    title="Siamese ranking",
    paper="a Siamese network that ranks poses before it regresses them (known here without its "
    "bibliographic data)",
    year=0,
    licence="no public code; this implementation MIT",
    # MAE by |true angle| in [0,30), [30,60), [60,99], weighted by the supports of AFLW2000
    published={"p1-aflw2000 range-weighted": (6.25, 5.71, 5.73, 5.89)},
    ambiguities=(
        "What the probability of a pair is made of is not said: here sigmoid(beta (m - |s_i - s_j|)) on "
        "scores in units of levels, beta = softplus of a learned number, m learned from 0.5.",
        "Same / different labels are blind to order and nearly all different: both kinds weigh one half "
        "(balanced); pair_label: order trains RankNet's sigmoid(s_i - s_j) instead.",
        "How a batch gets images of different levels: uniform over levels, the angles taking turns.",
        "Learning rate 1e-3 'decaying': cosine to 1e-5; stage 1 has 10 epochs, stage 2 has 25.",
        "From scores to degrees: stage 2 starts at angle = 3 s - 97.5, the centre of level s.",
        "Strengths of brightness, blur, motion blur and noise are not given: see "
        "maskgen/hpe/ranking/degrade.py.",
        "n^2 - n pairs are the pairs (i, j) and (j, i); both losses are symmetric, so i < j is used.",
    ),
    notes="Published by range: yaw 5.531/6.751/8.920, pitch 5.481/7.690/10.690, roll 5.483/6.613/12.127: "
    "better than Hopenet at large angles and worse near frontal; weighted by support it is not better "
    "overall.",
)


@register("siamese_rank")
class SiameseRank(HeadPoseModel):
    """Trunk, global mean, three scalar heads; in stage 1 the ensemble layer forms pairs of their outputs.

    trunk, width, weights: of the backbone; size: input pixels. pair_label, balanced: see Ensemble. pairing:
    "ensemble" encodes each image once; "standard" encodes both images of all n^2 - n ordered pairs, for
    comparison. degradation: probability of each kind of degradation in training. rank_epochs, regress_epochs:
    of the two stages; 0 = as the run is configured.
    """

    card = CARD
    batch_spec = "pairs"
    tiny: ClassVar[Mapping[str, Any]] = {"trunk": "resnet18", "width": 0.25, "size": 64, "degradation": 0.0}

    def __init__(
        self,
        *,
        trunk: str = "resnet50",
        width: float = 1.0,
        size: int = 224,
        weights: str | None = None,
        pair_label: Literal["same", "order"] = "same",
        balanced: bool = True,
        pairing: Literal["ensemble", "standard"] = "ensemble",
        degradation: float = 0.5,
        rank_epochs: int = 10,
        regress_epochs: int = 25,
    ) -> None:
        super().__init__()
        self.input_spec = InputSpec(size=size)
        self.trunk = build_trunk(trunk, width, weights)
        heads = [nn.Linear(self.trunk.channels[-1], 1) for _ in range(3)]
        for head in heads:
            nn.init.normal_(head.weight, std=0.01)
            nn.init.constant_(head.bias, FRONTAL)
        self.heads = nn.ModuleList(heads)
        self.ensemble = Ensemble(pair_label, balanced)
        self.pairing, self.degradation = pairing, degradation
        self.epochs = (rank_epochs or None, regress_epochs or None)
        self.ranking = True

    def encode(self, images: Tensor) -> Tensor:
        """Scores (B, 3) of images, in units of levels, float32."""
        feature = self.trunk(images)[-1].mean((2, 3))
        return torch.cat([head(feature) for head in self.heads], dim=1).float()

    def forward(self, images: Tensor, targets: Targets | None = None) -> Output:
        """Angles from scores. extras: ``scores`` (B, 3), and in standard pairing those of both branches."""
        self.check_images(images)
        extras: dict[str, Any] = {}
        if self.ranking and self.pairing == "standard" and targets is not None and len(images) > 1:
            i, j = all_pairs(len(images), ordered=True, device=images.device)
            extras["pairs"] = (i, j, self.encode(images[i]), self.encode(images[j]))
            # pairs are in order of i: the first of each image speaks for it
            scores = extras["pairs"][2][:: len(images) - 1]
        else:
            scores = self.encode(images)
        return Output.from_euler(LEVEL_DEG * scores + ZERO_DEG, scores=scores, **extras)

    def loss(self, output: Output, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        """Stage 1: the pair loss on rank levels. Stage 2: the squared error in degrees, mean over angles."""
        if not self.ranking:
            require(targets, "euler")
            error = (output.euler - targets["euler"]).square().mean()
            return error, {"mse": error.detach()}
        require(targets, "levels")
        levels, scores = targets["levels"], output.extras["scores"]
        if "pairs" in output.extras:
            i, j, left, right = output.extras["pairs"]
        else:
            i, j = all_pairs(len(scores), device=scores.device)
            left, right = scores[i], scores[j]
        error = self.ensemble(left, right, levels[i], levels[j])
        return error, {"rank": error.detach()}

    def param_groups(self, cfg: Mapping[str, Any]) -> list[dict[str, Any]]:
        """One group; the ensemble layer is out of it in stage 2."""
        used = [p for n, p in self.named_parameters() if self.ranking or not n.startswith("ensemble.")]
        return [{"params": [p for p in used if p.requires_grad], "lr_scale": 1.0, "name": "all"}]

    def stages(self, cfg: Mapping[str, Any]) -> list[Stage]:
        """Rank, then regress."""
        return [Stage("rank", self.epochs[0]), Stage("regress", self.epochs[1])]

    def enter_stage(self, stage: Stage) -> None:
        """In "regress" the ensemble layer has no part; its weights stay in the state dict, so runs resume."""
        self.ranking = stage.name == "rank"
        self.ensemble.requires_grad_(self.ranking)

    def batch_sampler(
        self, euler_deg: np.ndarray, batch_size: int, seed: int, stage: Stage
    ) -> Iterable[list[int]] | None:
        """Level-balanced batches in stage 1; the natural distribution in stage 2."""
        return level_balanced(euler_deg, batch_size, seed) if stage.name == "rank" else None

    def degrade(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Brightness, blur, motion blur and noise, each with probability ``degradation``."""
        return degrade(images, generator, self.degradation) if self.degradation else images

    def export_view(self) -> nn.Module:
        """Trunk and heads; the ensemble layer is left behind."""
        view = super().export_view()
        view.model.ensemble = nn.Identity()  # type: ignore[union-attr]
        view.model.ranking = False  # type: ignore[union-attr]
        return view
