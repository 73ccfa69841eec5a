"""Checkpoints: written whole or not at all, read without running any code that is in them.

A file holds tensors and plain values only, so that ``torch.load(weights_only=True)`` reads it; whatever is
unreadable or of another kind ends in one sentence.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from ..errors import UsageError
from ..io.files import atomic_write
from .contract import HeadPoseModel
from .registry import create_model

FORMAT = "maskgen-checkpoint"
VERSION = 1


def save(path: Path, content: dict[str, Any]) -> None:
    """Write ``content`` (tensors, numbers, text, lists and dictionaries of them) atomically."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "version": VERSION, **content}, buffer)
    atomic_write(path, buffer.getvalue())


def load(path: Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """The content of a checkpoint. Raises UsageError if it is missing, damaged, or something else."""
    path = Path(path).expanduser()
    if not path.is_file():
        raise UsageError(f"no checkpoint {path}; a run keeps last.pt and best.pt in its folder")
    content = _read(path, device, "as a checkpoint of maskgen train")
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UsageError(
            f"{path} is no checkpoint of maskgen train; weights of other programs go in by model.weights"
        )
    if content.get("version") != VERSION:
        raise UsageError(
            f"{path} has checkpoint version {content.get('version')}; this program reads {VERSION}"
        )
    return content


def model_record(model: HeadPoseModel, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a checkpoint says about a network: enough to build it again."""
    return {"name": model.name, "options": dict(model.options), "state": state or model.state_dict()}


def restore_model(content: dict[str, Any], path: Path) -> HeadPoseModel:
    """The network of a checkpoint in evaluation mode: its averaged (EMA) weights where it has them."""
    record = content.get("model")
    if not isinstance(record, dict) or not {"name", "options", "state"} <= set(record):
        raise UsageError(f"{path} holds no network")
    if not isinstance(record["name"], str) or not isinstance(record["options"], dict):
        raise UsageError(f"{path} is damaged: its network has no name, or its options are no section")
    model = create_model(record["name"], **record["options"])
    fill(model, content.get("ema") or record["state"], path)
    return model.eval()


def fill(model: HeadPoseModel, state: dict[str, Any], path: Path) -> None:
    """Load weights; UsageError says which do not fit."""
    try:
        model.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError) as error:
        lines = " ".join(str(error).split())
        raise UsageError(f"the weights in {path} do not fit {model.name}: {lines[:200]}") from error
    broken = [k for k, v in model.state_dict().items() if v.is_floating_point() and not v.isfinite().all()]
    if broken:
        raise UsageError(
            f"{path} holds weights that are no numbers, {broken[0]} first; its training broke down"
        )


def load_weights(model: HeadPoseModel, path: Path) -> list[str]:
    """Start ``model`` from the weights of a checkpoint, or of a plain state dict of any program.

    Tensors whose name and shape fit are taken, also from under a common prefix such as ``module.``; returns
    the names of those of the model that got none. Raises UsageError if nothing fits.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise UsageError(f"model.weights: no file {path}")
    content = _read(path, "cpu", "as weights")
    state: Any = content
    if isinstance(content, dict) and content.get("format") == FORMAT:
        record = content.get("model")
        state = content.get("ema") or (record.get("state") if isinstance(record, dict) else None)
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict):
        raise UsageError(f"model.weights: {path} holds no state dict")
    state = {str(k).removeprefix("module."): v for k, v in state.items() if isinstance(v, torch.Tensor)}
    own = model.state_dict()
    fitting = {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}
    # counters of BatchNorm have one shape in all networks
    if all(k.endswith("num_batches_tracked") for k in fitting):
        raise UsageError(f"model.weights: no tensor of {path} fits {model.name} in name and shape")
    model.load_state_dict(fitting, strict=False)
    return [k for k in own if k not in fitting and not k.endswith("num_batches_tracked")]


def _read(path: Path, device: str | torch.device, what: str) -> Any:
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # on bytes that are no pickle the unpickler fails in any way there is
        first = (str(error).strip() or type(error).__name__).splitlines()[0].partition(". ")[0]
        # a KeyError of the unpickler is a bare number, and an EOFError has no words
        reason = first if any(c.isalpha() for c in first) else "it is no torch file"
        reason = "it is cut off" if isinstance(error, EOFError) else reason
        raise UsageError(f"{path} cannot be read {what} ({reason})") from error
