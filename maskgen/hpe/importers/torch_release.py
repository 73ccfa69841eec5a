"""Released PyTorch checkpoints of Hopenet and 6DRepNet into the networks of hpe/models."""

from __future__ import annotations

import re
from pathlib import Path

from torch import Tensor

from ...errors import UsageError
from ..contract import HeadPoseModel
from ..nn.backbones import load_matching, read_state
from ..registry import create_model

_HEADS = ("fc_yaw.", "fc_pitch.", "fc_roll.")


def load_hopenet(path: str | Path, trunk: str = "resnet50") -> HeadPoseModel:
    """Hopenet of a released .pkl/.pth file, in eval mode; its unused layer fc_finetune is left out."""
    state: dict[str, Tensor] = {}
    for key, value in read_state(path).items():
        if not key.startswith("fc_finetune."):
            state[key if key.startswith(_HEADS) else f"trunk.{key}"] = value
    return _filled("hopenet", state, path, trunk=trunk)


def load_sixdrepnet(path: str | Path) -> HeadPoseModel:
    """6DRepNet of a released file, in training or fused form, in eval mode.

    The release names the stages of RepVGG layer0 .. layer4.
    """
    state: dict[str, Tensor] = {}
    for key, value in read_state(path).items():
        name = re.sub(r"^layer([0-4])\.", r"trunk.stage\1.", key)
        state[name] = value
    return _filled("sixdrepnet", state, path, fused=any("rbr_reparam" in k for k in state))


def _filled(
    name: str, state: dict[str, Tensor], path: str | Path, fused: bool = False, **options: str
) -> HeadPoseModel:
    if not state:
        raise UsageError(f"{path} holds no weights")
    model = create_model(name, **options)
    if fused:
        model.trunk.fuse()  # type: ignore[operator, union-attr]
    load_matching(model, state, str(path))
    return model.eval()
