"""The one-stage network: trunk, pyramid, context, and four heads over all anchors."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ...errors import UsageError
from ..contract import ExportView, HeadPoseModel, InputSpec, Output, Targets, require
from ..nn.backbones import build_trunk, load_matching, read_state
from ..rotations import project_so3, six_d_to_matrix
from .anchors import STRIDES, decode_boxes, decode_points, make_anchors
from .layers import FPN, SSH, AnchorHead
from .loss import multitask_loss
from .matching import nms

#: the mean colour RetinaFace takes off, RGB 0..255
MEAN = (123.0, 117.0, 104.0)
#: level weights of a fragment visible in the deck: 0.1 (i + 1) + 0.8
RISING = (0.9, 1.0, 1.1)


class RetinaPose(HeadPoseModel):
    """One-stage face detector with pose; the concrete networks set the plan.

    trunk, width, fpn: backbone, its width factor, channels of the pyramid; None = the network's own. size:
    side of the square frame in pixels, a multiple of 32. weights: of the trunk; detector: a released
    RetinaFace file (all but the pose heads). pose_form: "6d" Gram-Schmidt or "9d" nearest rotation.
    pose_weight: lambda of the pose term. level_weights: "equal" or "rising" (0.9, 1.0, 1.1, fine to coarse).
    threshold: score below which no face is found. divide: scale to 0..1.
    """

    batch_spec = "detection"
    #: trunk, width factor and pyramid channels of the network
    plan: ClassVar[tuple[str, float, int]]
    anchors: Tensor
    level_weight: Tensor

    def __init__(
        self,
        *,
        trunk: str | None = None,
        width: float | None = None,
        fpn: int | None = None,
        size: int = 640,
        weights: str | None = None,
        detector: str | None = None,
        pose_form: Literal["6d", "9d"] = "6d",
        pose_weight: float = 0.5,
        level_weights: Literal["equal", "rising"] = "equal",
        threshold: float = 0.5,
        divide: bool = True,
    ) -> None:
        super().__init__()
        trunk, width = trunk or self.plan[0], self.plan[1] if width is None else width
        fpn = self.plan[2] if fpn is None else fpn
        _check(size, fpn, threshold)
        m = tuple(v / 255.0 for v in MEAN)
        unit = 1.0 if divide else 1.0 / 255.0
        self.input_spec = InputSpec(size=size, mean=(m[0], m[1], m[2]), std=(unit,) * 3, crop="frame")
        self.body = build_trunk(trunk, width, weights)
        self.fpn = FPN(self.body.channels[-3:], fpn)
        self.ssh1, self.ssh2, self.ssh3 = SSH(fpn), SSH(fpn), SSH(fpn)
        self.ClassHead = nn.ModuleList(AnchorHead(fpn, 2) for _ in STRIDES)
        self.BboxHead = nn.ModuleList(AnchorHead(fpn, 4) for _ in STRIDES)
        self.LandmarkHead = nn.ModuleList(AnchorHead(fpn, 10) for _ in STRIDES)
        self.PoseHead = nn.ModuleList(AnchorHead(fpn, 6 if pose_form == "6d" else 9) for _ in STRIDES)
        self.pose_form, self.pose_weight, self.threshold = pose_form, pose_weight, threshold
        # derived from the size, so they stay out of the state dict and a network may be rebuilt at another
        # size
        self.register_buffer("anchors", make_anchors(size), persistent=False)
        weight = RISING if level_weights == "rising" else (1.0, 1.0, 1.0)
        levels = [torch.full((2 * (size // s) ** 2,), w) for s, w in zip(STRIDES, weight, strict=True)]
        self.register_buffer("level_weight", torch.cat(levels), persistent=False)
        if detector is not None:
            self.load_detector(detector)

    def load_detector(self, source: str) -> None:
        """Weights of a RetinaFace-PyTorch release; pose heads stay. UsageError if they do not fit."""
        state = dict(read_state(source))
        own = {k: v for k, v in self.state_dict().items() if k.startswith("PoseHead.")}
        load_matching(self, {**own, **state}, source)

    def raw(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """float32: scores (B, A, 2), box and point offsets (B, A, 4), (B, A, 5, 2), pose (B, A, 6 or 9)."""
        levels = self.fpn(self.body(images)[-3:])
        context = [ssh(x) for ssh, x in zip((self.ssh1, self.ssh2, self.ssh3), levels, strict=True)]

        def heads(modules: nn.ModuleList) -> Tensor:
            return torch.cat([h(x) for h, x in zip(modules, context, strict=True)], dim=1).float()

        points = heads(self.LandmarkHead)
        return (
            heads(self.ClassHead),
            heads(self.BboxHead),
            points.reshape(points.shape[0], -1, 5, 2),
            heads(self.PoseHead),
        )

    def to_rotation(self, pose: Tensor) -> Tensor:
        """Rotations (..., 3, 3) of pose numbers (..., 6 or 9)."""
        if self.pose_form == "6d":
            return six_d_to_matrix(pose)
        return project_so3(pose.reshape(*pose.shape[:-1], 3, 3))

    def forward(self, images: Tensor, targets: Targets | None = None) -> Output:
        """The pose at the highest-scoring anchor of each frame.

        extras: ``score`` (B,), ``detected`` (B,), ``box`` (B, 4), ``points5`` (B, 5, 2) in fractions of the
        frame, and ``raw``, all outputs, for the loss. A frame without a score of ``threshold`` has the
        identity for R.
        """
        self.check_images(images)
        scores, boxes, points, pose = self.raw(images)
        face = torch.softmax(scores, dim=-1)[..., 1]
        score, best = face.max(dim=1)

        def at_best(x: Tensor) -> Tensor:
            flat = x.reshape(x.shape[0], x.shape[1], -1)
            return flat.gather(1, best[:, None, None].expand(-1, 1, flat.shape[2]))[:, 0]

        anchor = self.anchors[best]
        found = score >= self.threshold
        eye = torch.eye(3, device=images.device)
        rotation = torch.where(found[:, None, None], self.to_rotation(at_best(pose)), eye)
        return Output.from_matrix(
            rotation,
            score=score,
            detected=found,
            box=decode_boxes(at_best(boxes), anchor),
            points5=decode_points(at_best(points).reshape(-1, 5, 2), anchor),
            raw=(scores, boxes, points, pose),
        )

    def loss(self, output: Output, targets: Targets) -> tuple[Tensor, dict[str, Tensor]]:
        """``2 L_box + L_cls + L_points + pose_weight L_pose``; pictures with a NaN box have no face."""
        require(targets, "R", "box")
        scores, boxes, points, pose = output.extras["raw"]
        points5 = targets.get("points5")
        if points5 is None:
            points5 = torch.full((len(scores), 5, 2), float("nan"), device=scores.device)
        terms = multitask_loss(
            scores, boxes, points, pose, self.to_rotation, self.anchors, self.level_weight,
            targets["box"], points5, targets["R"],
        )  # fmt: skip
        total = 2.0 * terms["box"] + terms["cls"] + terms["points"] + self.pose_weight * terms["pose"]
        return total, {name: value.detach() for name, value in terms.items()}

    @torch.no_grad()
    def detect(
        self, images: Tensor, threshold: float | None = None, overlap: float = 0.4, most: int = 50
    ) -> list[dict[str, Tensor]]:
        """All faces of each frame, best first, at most ``most``: score (n,), box (n, 4), points5 (n, 5, 2), R
        (n, 3, 3).

        threshold: least score, the network's own by default; overlap: of boxes on one face that are merged.
        """
        self.check_images(images)
        scores, boxes, points, pose = self.raw(images)
        face = torch.softmax(scores, dim=-1)[..., 1]
        out = []
        for i in range(len(images)):
            use = (face[i] >= (self.threshold if threshold is None else threshold)).nonzero()[:, 0]
            # greedy suppression is quadratic; an untrained network may fire everywhere
            use = use[face[i, use].argsort(descending=True, stable=True)[:1000]]
            box = decode_boxes(boxes[i, use], self.anchors[use])
            keep = nms(box, face[i, use], overlap)[:most]
            use = use[keep]
            out.append(
                {
                    "score": face[i, use],
                    "box": box[keep],
                    "points5": decode_points(points[i, use], self.anchors[use]),
                    "R": self.to_rotation(pose[i, use]),
                }
            )
        return out

    def export_view(self) -> nn.Module:
        """images -> R; for export it can give score, box and points as well."""
        return DetectionView(copy.deepcopy(self).eval())


class DetectionView(ExportView):
    """The inference graph of a detector: R, or with ``everything`` the tuple of all ``outputs``."""

    outputs = ("R", "score", "box", "points5")
    everything = False

    def forward(self, images: Tensor) -> Any:
        out: Output = self.model(images)
        return (out.R, *(out.extras[k] for k in self.outputs[1:])) if self.everything else out.R


def _check(size: int, fpn: int, threshold: float) -> None:
    if size < 64 or size % 32:
        raise UsageError(
            f"the detector's frame is a multiple of 32 pixels, 64 or more, got {size}; try 320 or 640"
        )
    if fpn < 4 or fpn % 4:
        raise UsageError(f"fpn is the number of the pyramid's channels, a multiple of 4, got {fpn}; try 64")
    if not 0.0 < threshold < 1.0:
        raise UsageError(f"threshold is a score between 0 and 1, got {threshold}")
