"""Augmentation of a whole batch on the device: one affine map, then light, blur, noise and pasted masks.

Rows of a crop cache go in as uint8, network inputs and the labels that moved with them come out. Crop jitter,
zoom, shift, turn and mirror are one map from input pixels to row pixels, so a picture is resampled once. A
turn follows R' = Rot(axis, -t) R with the axis of rows.Row (Rz(-t) R under weak perspective). All numbers are
drawn from the generator that is passed in; with every chance at 0 the crop is the testing one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..geometry.landmarks import LEFT_EYE, MIRROR, NOSE_TIP, RIGHT_EYE
from . import rotations
from .config import AugmentSection
from .contract import InputSpec, Targets, make_targets
from .crops import CropPolicy
from .data import SampleSet
from .pasting import paste_masks, rows_of
from .ranking.degrade import gaussian_kernels

#: largest standard deviation of the blur, in 64ths of the picture's side
_BLUR = 1.4


@dataclass(frozen=True)
class RowLabels:
    """Labels of n rows on the device, positions in pixel centres of the row.

    euler (n, 3), rotation (n, 3, 3), box (n, 4), landmarks (n, 68, 2) with nan for unknown, turn_axis (n, 3),
    pixel (n,): side of a source pixel in the row, bounds (n, 4): edges of the source picture in the row.
    """

    euler: Tensor
    rotation: Tensor
    box: Tensor
    landmarks: Tensor
    turn_axis: Tensor
    pixel: Tensor
    bounds: Tensor

    @classmethod
    def of(cls, samples: SampleSet, device: torch.device) -> RowLabels:
        """All labels of a set."""

        def move(array: Any) -> Tensor:
            return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float32).to(device)

        m, size = samples.column("row_from_image"), samples.column("size")
        scale = m[:, [0, 1], [0, 1]]
        # FSA-Net's script keeps to pixels 0 .. w - 1 as edges
        bounds = np.concatenate([m[:, :, 2], m[:, :, 2] + scale * (size - 1.0)], axis=1)
        bounds -= 0.5 * np.tile(scale, 2)
        euler, rotation, box, landmarks, turn_axis = (
            move(samples.column(n)) for n in ("euler", "rotation", "box", "landmarks", "turn_axis")
        )
        return cls(euler, rotation, box, landmarks, turn_axis, move(scale.mean(axis=1)), move(bounds))

    def take(self, samples: Tensor) -> RowLabels:
        """The given rows."""
        return RowLabels(*(getattr(self, f)[samples] for f in self.__dataclass_fields__))


@dataclass
class _Map:
    """Input pixel -> row pixel: first the window (x0, y0, side x, side y), then the turn about the pivot."""

    window: Tensor
    theta_deg: Tensor
    pivot: Tensor
    flip: Tensor


class Augmenter:
    """Turns rows into network inputs. section: None = no augmentation, the testing crop."""

    def __init__(self, policy: CropPolicy, spec: InputSpec, section: AugmentSection | None) -> None:
        self.policy, self.spec = policy, spec
        self.section = section or AugmentSection(
            policy_jitter=False, flip=0, rotate=0, zoom=[1, 1], shift=0, color=0, gray=0, blur=0, noise=0
        )

    def __call__(self, rows: Tensor, labels: RowLabels, generator: torch.Generator) -> tuple[Tensor, Targets]:
        """rows (b, px, px, 3) uint8 RGB -> float RGB images (b, 3, size, size) in 0..255, and Targets."""
        drawn = self._draw(labels, generator)
        images = _sample(rows, drawn, self.spec.size)
        targets = self._targets(labels, drawn)
        images = self._look(images, targets, generator)
        return images, targets

    def _draw(self, labels: RowLabels, g: torch.Generator) -> _Map:
        s, n, device = self.section, len(labels.euler), labels.euler.device

        def uniform(low: float = 0.0, high: float = 1.0, *more: int) -> Tensor:
            return low + (high - low) * torch.rand(n, *more, generator=g, device=device)

        turned = uniform() < s.rotate
        theta = torch.where(turned, uniform(-s.rotate_deg, s.rotate_deg), torch.zeros(n, device=device))
        flip = uniform() < s.flip
        # the mirror changes the side from which a turn is seen, not the turn's law: turn first, mirror after
        pivot = (labels.box[:, :2] + labels.box[:, 2:]) / 2.0
        box = _turned_box(labels, theta, pivot)
        low, high = self.policy.train_k if s.policy_jitter else (self.policy.test_k,) * 2
        k = uniform(low, high)
        spots = uniform(-0.5, 0.5, 2)
        window = self._window(box, k, spots, labels)
        zoom = torch.exp(uniform(float(np.log(s.zoom[0])), float(np.log(s.zoom[1]))))
        side = window[:, 2:] / zoom[:, None]
        shift = uniform(-s.shift, s.shift, 2) * side
        window = torch.cat([window[:, :2] + (window[:, 2:] - side) / 2.0 + shift, side], dim=1)
        return _Map(window, theta, pivot, flip)

    def _window(self, box: Tensor, k: Tensor, spots: Tensor, labels: RowLabels) -> Tensor:
        """(b, 4) corner and sides, in row pixels counted from pixel edges at -0.5 of a *source* pixel."""
        train = self.section.policy_jitter
        if self.policy.square == "frame":
            full = torch.full_like(box[:, :2], float(self.spec.size))
            return torch.cat([torch.full_like(full, -0.5), full], dim=1)
        w, h = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
        margins: Any = self.policy.margins(k, train)  # type: ignore[arg-type]
        left, top, right, bottom = margins
        x0, y0 = box[:, 0] - left * w, box[:, 1] - top * h
        wide, high = w * (1 + left + right), h * (1 + top + bottom)
        # crops treat a landmark's coordinate as an edge; its pixel's edge lies half a source pixel before it
        corner = torch.stack([x0, y0], dim=1) - 0.5 * labels.pixel[:, None]
        if self.policy.square == "stretch":
            end = torch.minimum(corner + torch.stack([wide, high], dim=1), labels.bounds[:, 2:])
            corner = torch.maximum(corner, labels.bounds[:, :2])
            return torch.cat([corner, end - corner], dim=1)
        side = torch.minimum(wide, high) / self.policy.overscan[0 if train else 1]
        room = torch.stack([wide - side, high - side], dim=1)
        place = 0.5 + (spots if train else torch.zeros_like(spots))
        return torch.cat([corner + room * place, side[:, None].expand(-1, 2)], dim=1)

    def _targets(self, labels: RowLabels, m: _Map) -> Targets:
        moved = (m.theta_deg != 0)[:, None]
        turn = rotations.so3_exp(labels.turn_axis * torch.deg2rad(-m.theta_deg)[:, None])
        rotation = torch.where(moved[..., None], turn @ labels.rotation, labels.rotation)
        read = rotations.matrix_to_euler(rotation)
        euler = torch.where(moved, _nearest_triple(read, labels.euler), labels.euler)
        rotation = torch.where(m.flip[:, None, None], rotations.mirror(rotation), rotation)
        euler = torch.where(m.flip[:, None], euler * euler.new_tensor([-1.0, 1.0, -1.0]), euler)
        points = _turn(labels.landmarks, m.theta_deg, m.pivot)
        points = (points - m.window[:, None, :2]) / m.window[:, None, 2:]
        mirrored = points[:, torch.as_tensor(MIRROR, device=points.device)] * points.new_tensor([-1.0, 1.0])
        mirrored = mirrored + points.new_tensor([1.0, 0.0])
        points = torch.where(m.flip[:, None, None], mirrored, points)
        return make_targets(
            euler, rotation, landmarks68=points, box=_box_of(points), points5=five_points(points)
        )

    def _look(self, x: Tensor, targets: Targets, g: torch.Generator) -> Tensor:
        s, n = self.section, len(x)

        def uniform(low: float = 0.0, high: float = 1.0) -> Tensor:
            return (low + (high - low) * torch.rand(n, generator=g, device=x.device)).view(n, 1, 1, 1)

        if s.mask > 0:
            x = paste_masks(x, targets["landmarks68"], uniform().view(n) < s.mask, g)
        if s.color > 0:
            mean = x.mean(dim=(1, 2, 3), keepdim=True)
            x = (x - mean) * uniform(1 - s.color, 1 + s.color) + mean * uniform(1 - s.color, 1 + s.color)
            grey = _luma(x)
            x = grey + (x - grey) * uniform(1 - s.color, 1 + s.color)
        if s.gray > 0:
            x = torch.where(uniform() < s.gray, _luma(x).expand_as(x), x)
        if s.lowres > 0:
            x = _coarse(x, uniform(1.5, x.shape[-1] / 14.0), uniform() < s.lowres)
        if s.blur > 0:
            x = _blurred(x, uniform(0.4, _BLUR).view(n) * (uniform() < s.blur).view(n))
        if s.noise > 0:
            x = x + torch.randn(x.shape, generator=g, device=x.device) * s.noise * uniform()
        return x.clamp(0.0, 255.0)


def normalise(images: Tensor, spec: InputSpec) -> Tensor:
    """Float RGB images in 0..255 as ``spec`` wants them: contract.prepare for pictures that are no bytes."""
    x = images
    if spec.mean is not None and spec.std is not None:
        mean, std = x.new_tensor(spec.mean).view(1, 3, 1, 1), x.new_tensor(spec.std).view(1, 3, 1, 1)
        x = (x / 255.0 - mean) / std
    return x.flip(1) if spec.channels == "bgr" else x


def five_points(landmarks: Tensor) -> Tensor:
    """(b, 5, 2) eye centres, nose tip and mouth corners of 68 landmarks (b, 68, 2); image left first."""
    eyes = [landmarks[:, e].mean(dim=1) for e in (RIGHT_EYE, LEFT_EYE)]
    return torch.stack([*eyes, landmarks[:, NOSE_TIP], landmarks[:, 48], landmarks[:, 54]], dim=1)


def _turn(points: Tensor, theta_deg: Tensor, pivot: Tensor, back: bool = False) -> Tensor:
    """Points (b, k, 2) after the picture is turned counter-clockwise on screen about pivots (b, 2)."""
    t = torch.deg2rad(-theta_deg if back else theta_deg)
    c, s = t.cos()[:, None], t.sin()[:, None]
    x, y = (points - pivot[:, None]).unbind(-1)
    return torch.stack([c * x + s * y, c * y - s * x], dim=-1) + pivot[:, None]


def _turned_box(labels: RowLabels, theta: Tensor, pivot: Tensor) -> Tensor:
    """The tight box after the turn: of the turned landmarks; the stored one where nothing turned."""
    corners = labels.box[:, [0, 1, 2, 1, 2, 3, 0, 3]].view(-1, 4, 2)
    known = torch.isfinite(labels.landmarks).all(dim=-1).any(dim=-1)
    of_marks = _box_of(_turn(labels.landmarks, theta, pivot))
    of_corners = _box_of(_turn(corners, theta, pivot))
    turned = torch.where(known[:, None], of_marks, of_corners)
    return torch.where((theta != 0)[:, None], turned, labels.box)


def _box_of(points: Tensor) -> Tensor:
    """(b, 4) box of the known points (b, k, 2); nan where none is known."""
    known = torch.isfinite(points)
    low = torch.where(known, points, torch.inf).amin(dim=1)
    high = torch.where(known, points, -torch.inf).amax(dim=1)
    box = torch.cat([low, high], dim=1)
    return torch.where(torch.isfinite(box), box, torch.nan)


def _sample(rows: Tensor, m: _Map, size: int) -> Tensor:
    """(b, 3, size, size) float pictures of uint8 rows (b, px, px, 3), black outside."""
    px = rows.shape[1]
    step = (torch.arange(size, device=rows.device, dtype=torch.float32) + 0.5) / size
    x = torch.where(m.flip[:, None], 1.0 - step, step) * m.window[:, 2:3] + m.window[:, 0:1]
    y = step[None] * m.window[:, 3:4] + m.window[:, 1:2]
    grid = torch.stack([x[:, None, :].expand(-1, size, -1), y[:, :, None].expand(-1, -1, size)], dim=-1)
    grid = _turn(grid.reshape(len(rows), -1, 2), m.theta_deg, m.pivot, back=True).view(-1, size, size, 2)
    source = rows.permute(0, 3, 1, 2).float()
    return F.grid_sample(source, (2.0 * grid + 1.0) / px - 1.0, mode="bilinear", align_corners=False)


def _nearest_triple(angles: Tensor, reference: Tensor) -> Tensor:
    """Torch side of geometry.rotation.nearest_triple."""
    second = rotations.wrap_deg(angles * angles.new_tensor([-1.0, 1.0, 1.0]) + 180.0)
    gaps = [rotations.wrap_deg(a - reference).abs().sum(-1, keepdim=True) for a in (angles, second)]
    return torch.where((reference[:, :1].abs() > 90.0) & (gaps[1] < gaps[0]), second, angles)


def _luma(x: Tensor) -> Tensor:
    return (x * x.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def _blurred(x: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of each picture with its own deviation, in 64ths of its side; 0 leaves it alone."""
    some = rows_of(sigma > 0)
    if len(some) == 0:
        return x
    scale = x.shape[-1] / 64.0
    kernels = gaussian_kernels(sigma[some] * scale, max(1, int(np.ceil(2.5 * _BLUR * scale))))
    b, (c, h, w), r = len(some), x.shape[1:], kernels.shape[-1]
    padded = F.pad(x[some], (r // 2,) * 4, mode="replicate").reshape(1, b * c, h + r - 1, w + r - 1)
    soft = F.conv2d(padded, kernels.repeat_interleave(c, 0)[:, None], groups=b * c).view(b, c, h, w)
    return x.index_copy(0, some, soft)


def _coarse(x: Tensor, factor: Tensor, which: Tensor) -> Tensor:
    """Pictures reduced by a factor (b, 1, 1, 1) and blown up again by repeating pixels, where ``which``."""
    size = x.shape[-1]
    cell = torch.arange(size, device=x.device, dtype=torch.float32)
    place = (torch.floor(cell / factor.view(-1, 1)) + 0.5) * factor.view(-1, 1)
    place = 2.0 * place.clamp(max=float(size)) / size - 1.0
    grid = torch.stack(
        [place[:, None, :].expand(-1, size, -1), place[:, :, None].expand(-1, -1, size)], dim=-1
    )
    return torch.where(which, F.grid_sample(x, grid, mode="nearest", align_corners=False), x)
