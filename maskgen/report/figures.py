"""Plots of evaluations: error by angle, cumulative error, gaps with intervals. matplotlib is optional."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..io.files import atomic_write

ANGLES = ("yaw", "pitch", "roll")


class _Predictions(Protocol):
    @property
    def true(self) -> NDArray[np.float64]: ...

    @property
    def predicted(self) -> NDArray[np.float64]: ...

    def geodesic(self) -> NDArray[np.float64]: ...


def available() -> bool:
    """Whether matplotlib can be imported."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


def write_plots(
    folder: Path, content: Mapping[str, Any], predictions: Mapping[str, _Predictions]
) -> list[Path]:
    """All plots of a results.json as PNG files; none, and no error, without matplotlib."""
    if not available() or not predictions:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    plots = {
        "error_by_angle": error_by_angle({n: t["scores"] for n, t in content["tests"].items()}),
        "cumulative": cumulative({n: p.geodesic() for n, p in predictions.items()}),
        "labels": label_histograms({n: p.true for n, p in predictions.items()}),
        "scatter": scatter(predictions),
    }
    if content.get("gaps"):
        plots["gaps"] = gap_bars(content["gaps"])
    for name, png in plots.items():
        atomic_write(folder / f"{name}.png", png)
    return [folder / f"{name}.png" for name in plots]


def error_by_angle(scores: Mapping[str, Mapping[str, Any]]) -> bytes:
    """MAE over the true angle in bins of 10 degrees, one panel an angle, one line a set (FSA-Net, Fig. 6)."""
    figure, axes = _panels(3)
    for axis, angle in zip(axes, ANGLES, strict=True):
        for name, s in scores.items():
            bins = s.get("by_angle", {}).get(angle, [])
            axis.plot([b["centre"] for b in bins], [b["mae"] for b in bins], marker="o", ms=3, label=name)
        axis.set(xlabel=f"true {angle} (degrees)", ylabel=f"{angle} MAE (degrees)", ylim=(0, None))
    axes[0].legend(fontsize=8)
    return _png(figure)


def cumulative(geodesic: Mapping[str, NDArray[np.float64]], limit: float = 30.0) -> bytes:
    """Fraction of heads within a geodesic error; heads without a detection never count as within."""
    figure, (axis,) = _panels(1)
    t = np.linspace(0.0, limit, 301)
    for name, errors in geodesic.items():
        e = np.sort(np.where(np.isnan(errors), np.inf, errors))
        axis.plot(t, np.searchsorted(e, t, side="right") / max(len(e), 1), label=name)
    axis.set(xlabel="geodesic error (degrees)", ylabel="fraction of heads", xlim=(0, limit), ylim=(0, 1))
    axis.legend(fontsize=8)
    return _png(figure)


def label_histograms(labels: Mapping[str, NDArray[np.float64]]) -> bytes:
    """How the true angles are spread, per set."""
    figure, axes = _panels(3)
    for j, (axis, angle) in enumerate(zip(axes, ANGLES, strict=True)):
        for name, true in labels.items():
            axis.hist(true[:, j], bins=np.arange(-100, 101, 5), histtype="step", density=True, label=name)
        axis.set(xlabel=f"{angle} (degrees)", yticks=[])
    axes[0].legend(fontsize=8)
    return _png(figure)


def scatter(predictions: Mapping[str, _Predictions]) -> bytes:
    """Predicted over true angle; a dead output shows as a flat line, a flipped sign as the other diagonal."""
    figure, axes = _panels(3)
    for j, (axis, angle) in enumerate(zip(axes, ANGLES, strict=True)):
        for name, p in predictions.items():
            axis.plot(p.true[:, j], p.predicted[:, j], ".", ms=2, alpha=0.5, label=name)
        axis.axline((0, 0), slope=1, color="0.6", lw=0.8)
        axis.set(xlabel=f"true {angle} (degrees)", ylabel=f"predicted {angle}")
    axes[0].legend(fontsize=8, markerscale=4)
    return _png(figure)


def gap_bars(gaps: Mapping[str, Any]) -> bytes:
    """Paired gaps with 95 % intervals, the unpaired number as a cross beside each."""
    figure, (axis,) = _panels(1)
    keys = (*ANGLES, "mean")
    width = 0.8 / max(len(gaps), 1)
    for i, (name, g) in enumerate(gaps.items()):
        x = np.arange(len(keys)) + (i - (len(gaps) - 1) / 2) * width
        mean = np.array([g["paired"][k]["mean"] for k in keys])
        low = mean - [g["paired"][k]["low"] for k in keys]
        high = np.array([g["paired"][k]["high"] for k in keys]) - mean
        axis.bar(x, mean, 0.9 * width, yerr=np.stack([low, high]), capsize=3, label=name)
        axis.plot(x, [g["unpaired"][k] for k in keys], "kx", label="unpaired" if i == 0 else None)
    axis.axhline(0.0, color="0.4", lw=0.8)
    axis.set_xticks(range(len(keys)), keys)
    axis.set_ylabel("masked minus clean (degrees)")
    axis.legend(fontsize=8)
    return _png(figure)


def histogram(values: NDArray[np.float64], label: str, bins: int = 40) -> bytes:
    """One histogram, for quality scores and residuals."""
    figure, (axis,) = _panels(1)
    axis.hist(values[np.isfinite(values)], bins=bins, color="#4477aa")
    axis.set(xlabel=label, ylabel="pictures")
    return _png(figure)


def _panels(count: int) -> tuple[Any, Sequence[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Figure and canvas by hand: pyplot would keep every figure alive and pick a window system
    figure = Figure(figsize=(4.6 * count, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, [figure.add_subplot(1, count, i + 1) for i in range(count)]


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
