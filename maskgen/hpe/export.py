"""Inference graphs as ONNX files, checked against torch before they count as written."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from ..errors import MissingDependency, UsageError
from ..geometry.rotation import geodesic_deg
from ..io.files import atomic_write
from .contract import HeadPoseModel
from .detection.detector import DetectionView

OPSET = 17
#: geodesic degrees an exported graph may differ from torch on the check batch
TOLERANCE_DEG = 0.05


def onnx_bytes(model: HeadPoseModel) -> bytes:
    """The inference graph as ONNX: input ``images`` (batch, 3, size, size), output ``R`` (batch, 3, 3).

    Detectors add ``score`` (batch), ``box`` (batch, 4) and ``points5`` (batch, 5, 2), fractions of the frame.
    The file's metadata hold the network's name (``maskgen.network``) and its InputSpec as JSON
    (``maskgen.input``).
    """
    try:
        import onnx
    except ImportError:
        raise MissingDependency(
            "exporting needs onnx; install it with: pip install 'maskgen[onnx]'"
        ) from None
    size = model.input_spec.size
    # a batch of 2: tracing at 1 would let operators fix the batch axis
    example = torch.zeros(2, 3, size, size)
    buffer = io.BytesIO()
    view = model.export_view().cpu().float()
    outputs = ["R"]
    if isinstance(view, DetectionView):
        view.everything, outputs = True, list(view.outputs)
    with warnings.catch_warnings(), torch.no_grad(), contextlib.redirect_stdout(io.StringIO()):
        # torch warns that the tracing exporter is the older one; the newer needs onnxscript
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                view,
                (example,),
                buffer,  # type: ignore[arg-type]
                input_names=["images"],
                output_names=outputs,
                dynamic_axes={name: {0: "batch"} for name in ("images", *outputs)},
                opset_version=OPSET,
                dynamo=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            reason = str(error).strip().splitlines()[0]
            raise UsageError(f"{model.name} cannot be exported: {reason}") from error
    graph = onnx.load_from_string(buffer.getvalue())
    for key, value in (
        ("maskgen.network", model.name),
        ("maskgen.input", json.dumps(asdict(model.input_spec))),
    ):
        entry = graph.metadata_props.add()
        entry.key, entry.value = key, value
    content: bytes = graph.SerializeToString()
    return content


def deviation_deg(model: HeadPoseModel, onnx_graph: bytes, seed: int = 0) -> tuple[float, float]:
    """Geodesic angles in degrees on the worst of 3 random images: (torch to onnxruntime, what is allowed).

    Allowed are TOLERANCE_DEG, plus ten times what pixels changed by one part in 10^5 do to torch itself:
    barely trained networks can turn noise into thousands of degrees, and rounding with it.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingDependency(
            "checking an export needs onnxruntime; install it with: pip install 'maskgen[onnx]'"
        ) from None
    spec = model.input_spec
    generator = torch.Generator().manual_seed(seed)
    # smooth like pictures: white noise is unlike anything a network was made for
    coarse = torch.randn(3, 3, spec.size // 8 + 1, spec.size // 8 + 1, generator=generator)
    images = F.interpolate(coarse, size=(spec.size, spec.size), mode="bilinear")
    nudged = images * (1.0 + 1e-5 * torch.randn(images.shape, generator=generator))
    if spec.raw:
        images, nudged = ((128.0 + 64.0 * x).clamp(0.0, 255.0) for x in (images, nudged))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(onnx_graph, options, providers=["CPUExecutionProvider"])
    (exported,) = session.run(["R"], {"images": images.numpy()})
    was_training, device = model.training, next(model.parameters()).device
    with torch.no_grad():
        expected, moved = (model.eval()(x.to(device)).R.cpu().numpy() for x in (images, nudged))
    model.train(was_training)
    away = geodesic_deg(exported, expected)
    allowed = TOLERANCE_DEG + 10.0 * geodesic_deg(moved, expected)
    worst = int(np.argmax(away - allowed))
    return float(away[worst]), float(allowed[worst])


def export_onnx(model: HeadPoseModel, path: str | Path) -> float:
    """Write the inference graph of ``model`` to ``path``; returns its deviation from torch in degrees.

    Raises UsageError, and writes nothing, if the exported graph does not agree with torch.
    """
    graph = onnx_bytes(model)
    deviation, allowed = deviation_deg(model, graph)
    if not deviation <= allowed:
        raise UsageError(
            f"the ONNX graph of {model.name} is {deviation:.3g} degrees off torch "
            f"({allowed:.2g} are allowed); nothing was written"
        )
    target = Path(path)
    atomic_write(target, graph)
    return deviation
