"""Backbones by name, and published weights for them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...errors import UsageError
from .efficientnet import efficientnet_b0
from .mobilenet import MobileNetV1
from .repvgg import repvgg_a0, repvgg_b1g2
from .resnet import resnet18, resnet34, resnet50

#: every trunk maps images to a list of feature maps, the coarsest last, and has ``channels``, theirs
TRUNKS: Mapping[str, Callable[..., nn.Module]] = {
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "mobilenet_v1": MobileNetV1,
    "repvgg_a0": repvgg_a0,
    "repvgg_b1g2": repvgg_b1g2,
    "efficientnet_b0": efficientnet_b0,
}
#: parts of published classifiers that no trunk has
_CLASSIFIERS = ("fc.", "classifier.", "linear.", "AuxLogits.")


def build_trunk(name: str, width: float = 1.0, weights: str | None = None) -> Any:
    """A trunk by name, ``width`` times as wide as published, with ``weights`` (file or URL) if given."""
    if name not in TRUNKS:
        raise UsageError(f"no backbone is named {name!r}; there are {', '.join(sorted(TRUNKS))}")
    trunk = TRUNKS[name](width=width)
    if weights is not None:
        load_backbone(trunk, weights)
    return trunk


def read_state(source: str | Path) -> dict[str, torch.Tensor]:
    """State dict of a .pth file or URL, unwrapped from {"state_dict": ...} and stripped of ``module.``.

    Only tensors are unpickled (weights_only). Raises UsageError, one line, for anything unreadable.
    """
    try:
        if str(source).startswith(("http://", "https://")):
            state = torch.hub.load_state_dict_from_url(str(source), map_location="cpu", weights_only=True)
        else:
            state = torch.load(source, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UsageError(f"there is no weight file {source}") from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(f"{source} is not a readable PyTorch weight file: {reason}") from None
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    tensors = (
        isinstance(state, Mapping) and state and all(isinstance(v, torch.Tensor) for v in state.values())
    )
    if not tensors:
        raise UsageError(f"{source} holds no state dict of tensors; save model.state_dict()")
    return {k.removeprefix("module."): v for k, v in state.items()}


def load_matching(module: nn.Module, state: Mapping[str, torch.Tensor], source: str) -> None:
    """Load all of ``state`` into ``module``; UsageError naming what is missing, left over or misshapen."""
    own = module.state_dict()
    counters = [k for k in own if k.endswith("num_batches_tracked")]
    missing = [k for k in own if k not in state and k not in counters]
    extra = [k for k in state if k not in own]
    shapes = [k for k in own if k in state and own[k].shape != state[k].shape]
    for what, keys in (("lacks", missing), ("has the unknown", extra), ("has another shape for", shapes)):
        if keys:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            raise UsageError(f"{source} does not fit this network: it {what} {keys[0]}{more}")
    module.load_state_dict(dict(state), strict=False)


def load_backbone(trunk: nn.Module, source: str | Path) -> None:
    """Load published (ImageNet) weights into a trunk; classifier layers of the file are left out."""
    state = {k: v for k, v in read_state(source).items() if not k.startswith(_CLASSIFIERS)}
    load_matching(trunk, state, str(source))
