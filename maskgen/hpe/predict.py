"""Running a network over a sample set: torch modules and ONNX graphs behind one call."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ..errors import MissingDependency, UsageError
from ..geometry.rotation import Array, matrix_to_euler
from .augment import Augmenter, RowLabels, normalise
from .contract import HeadPoseModel, InputSpec, prepare
from .crops import get_policy
from .data import SampleSet
from .feeding import Feeder
from .predictions import Predictions


class Predictor(Protocol):
    """Something that gives poses of prepared images."""

    name: str
    spec: InputSpec
    device: torch.device

    def __call__(self, images: Tensor) -> tuple[Array, Array]:
        """(b, 3) angles in degrees, nan where no face was found, and (b, 3, 3) rotations in frame C."""


class TorchPredictor:
    """A network of the registry, in evaluation mode."""

    def __init__(self, model: HeadPoseModel, device: torch.device, amp: bool = False) -> None:
        self.model, self.device, self.amp = model, device, amp
        self.name, self.spec = model.name, model.input_spec

    def __call__(self, images: Tensor) -> tuple[Array, Array]:
        """See Predictor."""
        training = self.model.training
        self.model.eval()
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp):
            output = self.model(images.contiguous(memory_format=torch.channels_last))
        self.model.train(training)
        euler = output.euler.double().cpu().numpy()
        found = output.extras.get("detected")
        if found is not None:
            euler = np.where(found.bool().cpu().numpy()[:, None], euler, np.nan)
        return euler, output.R.double().cpu().numpy()


class OnnxPredictor:
    """An ONNX graph with one image input and one output: (b, 3, 3) rotations in frame C, or (b, 3) angles
    (yaw, pitch, roll) in degrees. Runs one image at a time where the graph has a fixed batch of 1.
    """

    def __init__(self, path: Path, spec: InputSpec) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise MissingDependency("an ONNX file needs onnxruntime: pip install 'maskgen[onnx]'") from None
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has no common base for its errors
            reason = " ".join(str(error).split())[:160]
            raise UsageError(f"{path} cannot be read as an ONNX graph ({reason})") from error
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        shape = inputs[0].shape
        three = len(shape) == 4 and (shape[1] in (3, None) or isinstance(shape[1], str))
        if len(inputs) != 1 or not three:
            raise UsageError(f"{path} must have one input (batch, 3, size, size), got {shape}")
        if isinstance(shape[2], int) and shape[2] != spec.size:
            raise UsageError(f"{path} takes {shape[2]} px images, not {spec.size}; give --size {shape[2]}")
        self.name, self.spec, self.device = path.stem, spec, torch.device("cpu")
        self._input, self._output = inputs[0].name, outputs[0].name
        self._single = shape[0] == 1

    def __call__(self, images: Tensor) -> tuple[Array, Array]:
        """See Predictor."""
        from ..geometry.rotation import euler_to_matrix

        x = images.cpu().numpy()
        parts = [x[i : i + 1] for i in range(len(x))] if self._single else [x]
        y = np.concatenate([self.session.run([self._output], {self._input: p})[0] for p in parts])
        y = y.astype(np.float64)
        if y.shape[1:] == (3, 3):
            return matrix_to_euler(y), y
        if y.shape[1:] == (3,):
            return y, euler_to_matrix(y)
        raise UsageError(f"the ONNX output has shape {y.shape}; (b, 3, 3) or (b, 3) is wanted")


def predict(predictor: Predictor, samples: SampleSet, batch: int = 128) -> Predictions:
    """Predictions on every sample of a set, of either layout; regions are cut as in testing first."""
    labels = samples.labels()
    spec, device = predictor.spec, predictor.device
    rows_spec = samples.caches[0].spec
    cut: Augmenter | None = None
    row_labels: RowLabels | None = None
    if rows_spec.layout == "region":
        cut = Augmenter(get_policy(rows_spec.policy), spec, None)
        row_labels = RowLabels.of(samples, device)
    generator = torch.Generator(device).manual_seed(0)
    feeder = Feeder(samples, device, "never")
    order = [np.arange(s, min(s + batch, len(samples))) for s in range(0, len(samples), batch)]
    euler, rotation = np.empty((len(samples), 3)), np.empty((len(samples), 3, 3))
    for which, rows in feeder.batches(order):
        if cut is None or row_labels is None:
            images = prepare(rows, spec)
        else:
            part = row_labels.take(torch.as_tensor(which, device=device))
            images = normalise(cut(rows, part, generator)[0], spec)
        euler[which], rotation[which] = predictor(images)
    return Predictions(labels.ids, labels.euler, euler, labels.groups, rotation)


def cost(model: HeadPoseModel) -> dict[str, Any]:
    """Parameters, megabytes as float32, and multiply-adds doubled (FLOPs) of one image at inference."""
    from torch.utils.flop_counter import FlopCounterMode

    view = model.export_view().cpu().float()
    params = sum(p.numel() for p in view.parameters())
    numbers = params + sum(b.numel() for b in view.buffers() if b.is_floating_point())
    size = model.input_spec.size
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        view(torch.zeros(1, 3, size, size))
    return {"params": params, "mb": numbers * 4 / 1e6, "flops": int(counter.get_total_flops())}
