"""The single-stage detectors with pose: RetinaFace with one more head, on two trunks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..contract import ModelCard
from ..detection.detector import RetinaPose
from ..registry import register

_AMBIGUITIES = (
    "Pose head: from the number of weights (456 of the base and 6 more) one 1x1 convolution with bias per "
    "level; what it puts out is taken to be 6 numbers per anchor, made a rotation by Gram-Schmidt "
    "(pose_form: 9d for the other reading).",
    "Input: RGB less (123, 117, 104), then divided by 255; the base code does not divide (divide: false).",
    "Weight of the pose term: swept over 0.2 to 0.8, none named as the final one; 0.5 is the middle.",
    "A visible fragment of code weighs the levels by 0.1 (i + 1) + 0.8 (level_weights: rising); off by "
    "default.",
    "Face boxes of BIWI are not part of the dataset; those of the 68 projected landmarks are used.",
    "Scores below 0.5 count as misses; the deck does not say.",
)
_NOTES = (
    "Sets in the deck's tables differ between masked and unmasked. Model1 = BIWI + 300W_LP; Model2 = plus "
    "masked; Model3 = BIWI + rotated BIWI, no masked data. Model1 and Model2 are worse on AFLW2000 than "
    "always answering zero."
)
_PAPER = (
    "single-stage masked-face head pose (conference deck in Korean); base: Deng et al.: RetinaFace, CVPR 2020"
)
_LICENCE = "no public code; this implementation MIT, base code biubug6/Pytorch_Retinaface MIT"


@register("retinapose_mnet025")
class RetinaPoseMobileNet(RetinaPose):
    """MobileNetV1-0.25, pyramid of 64; the options are those of RetinaPose."""

    card = ModelCard(
        title="RetinaFace + pose, MobileNetV1-0.25",
        paper=_PAPER,
        year=0,
        licence=_LICENCE,
        ambiguities=_AMBIGUITIES,
        notes=_NOTES,
    )
    tiny: ClassVar[Mapping[str, Any]] = {"size": 128}
    plan = ("mobilenet_v1", 0.25, 64)


@register("retinapose_r50")
class RetinaPoseResNet(RetinaPose):
    """ResNet-50, pyramid of 256; the options are those of RetinaPose."""

    card = ModelCard(
        title="RetinaFace + pose, ResNet-50",
        paper=_PAPER,
        year=0,
        licence=_LICENCE,
        published={
            "p2-biwi log": (4.25, 3.27, 4.56, 4.03),
            "p1-biwi model1": (None, None, None, 5.87),
            "p1-biwi model2": (None, None, None, 4.66),
            "p1-biwi model3": (None, None, None, 4.45),
            "p1-aflw2000 model1": (None, None, None, 24.37),
            "p1-aflw2000 model2": (None, None, None, 23.57),
            "p1-aflw2000 model3": (None, None, None, 16.82),
        },
        ambiguities=_AMBIGUITIES,
        notes=_NOTES,
    )
    tiny: ClassVar[Mapping[str, Any]] = {"trunk": "resnet18", "width": 0.25, "fpn": 64, "size": 128}
    plan = ("resnet50", 1.0, 256)
