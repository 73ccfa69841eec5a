"""The parts of FSA-Net (Yang et al. 2019): two streams, fine-grained mapping, aggregation, stage-wise head.

Weights of the release load into these layers (importers/fsanet_keras.py), so layouts follow the Keras graphs:
maps are flattened row by row with channels last, BatchNorm has eps 1e-3, depthwise convolutions have no bias.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..rotations import full_precision

Scoring = Literal["1x1", "var", "wo"]

WIDTHS = (16, 32, 32, 64, 64, 128, 128)
#: channels of the taps of stages k = 1, 2, 3
TAPS = (128, 64, 32)


def keras_init(module: nn.Module) -> None:
    """Glorot-uniform weights and zero biases in every convolution and linear layer, as Keras starts them."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class SeparableBlock(nn.Module):
    """3x3 depthwise, 1x1 pointwise with bias, BatchNorm, ReLU or tanh."""

    def __init__(self, cin: int, cout: int, tanh: bool) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(cin, cin, 3, padding=1, groups=cin, bias=False)
        self.pointwise = nn.Conv2d(cin, cout, 1)
        self.bn = nn.BatchNorm2d(cout, eps=1e-3, momentum=0.01)
        self.tanh = tanh

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn(self.pointwise(self.depthwise(x)))
        return torch.tanh(y) if self.tanh else F.relu(y)


class Stream(nn.Module):
    """Seven separable blocks with three 2x2 poolings; ``forward`` gives the taps of stages 1, 2, 3.

    Stream R has ReLU and mean pooling, stream T tanh and maximum pooling.
    """

    def __init__(self, tanh: bool) -> None:
        super().__init__()
        cins = (3, *WIDTHS[:-1])
        self.blocks = nn.ModuleList(
            SeparableBlock(cin, cout, tanh) for cin, cout in zip(cins, WIDTHS, strict=True)
        )
        self.tanh = tanh

    def _pool(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, 2) if self.tanh else F.avg_pool2d(x, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        b = self.blocks
        x = self._pool(b[0](x))
        third = self._pool(b[2](b[1](x)))
        second = self._pool(b[4](b[3](third)))
        return b[6](b[5](second)), second, third


class TwoStreams(nn.Module):
    """Both streams and the 1x1 convolutions that bring each tap to 64 channels.

    ``forward`` gives for stages 1, 2, 3 the pair (R, T) of maps with 64 channels: 8 px, 8 px and 16 px wide.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stream_r, self.stream_t = Stream(tanh=False), Stream(tanh=True)
        self.reduce_r = nn.ModuleList(nn.Conv2d(c, 64, 1) for c in TAPS)
        self.reduce_t = nn.ModuleList(nn.Conv2d(c, 64, 1) for c in TAPS)

    def forward(self, images: Tensor) -> list[tuple[Tensor, Tensor]]:
        taps = zip(self.stream_r(images), self.stream_t(images), strict=True)
        return [
            (F.relu(to_r(r)), torch.tanh(to_t(t)))
            for (r, t), to_r, to_t in zip(taps, self.reduce_r, self.reduce_t, strict=True)
        ]


class FineGrainedMapping(nn.Module):
    """From 3 maps of ``positions`` vectors each to 3 x ``rows`` weighted means of all of them.

    Scores A_k of stage k, (positions,): a shared 1x1 convolution and sigmoid (``1x1``) or the biased variance
    over the channels (``var``). M_k = sigmoid(fc A_k) is (inner, 3 positions), C = sigmoid(fc [A_1 A_2 A_3])
    is (rows, inner), and the rows of S_k = C M_k, divided by their sums, weigh the vectors.
    """

    def __init__(
        self, scoring: Scoring, positions: int = 64, channels: int = 64, rows: int = 7, inner: int = 5
    ) -> None:
        super().__init__()
        self.score = nn.Conv2d(channels, 1, 1) if scoring == "1x1" else None
        self.fc_m = nn.Linear(positions, inner * 3 * positions)
        self.fc_c = nn.Linear(3 * positions, rows * inner)
        self.rows, self.inner, self.columns = rows, inner, 3 * positions

    def _scores(self, x: Tensor) -> Tensor:
        if self.score is not None:
            return torch.sigmoid(self.score(x)).flatten(1)
        return x.float().var(1, unbiased=False).flatten(1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """maps: three of (B, channels, h, w) with h w = positions; gives (B, 3 rows, channels)."""
        scores = [self._scores(x) for x in maps]
        vectors = stack_vectors(maps)
        c = _split(torch.sigmoid(self.fc_c(torch.cat(scores, 1))), self.rows, self.inner)
        means = []
        for a in scores:
            s = c @ _split(torch.sigmoid(self.fc_m(a)), self.inner, self.columns)
            means.append((s @ vectors) / s.sum(-1, keepdim=True))
        return torch.cat(means, 1)


def _split(x: Tensor, rows: int, columns: int) -> Tensor:
    # the batch axis is left open, so that an exported graph keeps it open
    return x.reshape(-1, rows, columns)


def stack_vectors(maps: list[Tensor]) -> Tensor:
    """The vectors at all positions of all maps (B, C, h, w), row by row: (B, sum of h w, C)."""
    return torch.cat([x.flatten(2).transpose(1, 2) for x in maps], 1)


class Capsules(nn.Module):
    """Capsule layer with dynamic routing (Sabour et al. 2017): n vectors of 64 to 3 of 16."""

    def __init__(
        self, vectors: int, cin: int = 64, count: int = 3, cout: int = 16, routings: int = 2
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, vectors, cout, cin))
        self.routings = routings
        # Keras counts the first two axes of such a weight as the receptive field of a convolution
        limit = math.sqrt(6.0 / (count * vectors * (cin + cout)))
        nn.init.uniform_(self.weight, -limit, limit)

    @full_precision
    def forward(self, x: Tensor) -> Tensor:
        votes = torch.einsum("knoi,bni->bkno", self.weight.float(), x.float())
        logits = torch.zeros_like(votes[..., 0])
        for i in range(self.routings):
            capsules = squash((logits.softmax(1).unsqueeze(-1) * votes).sum(2))
            if i < self.routings - 1:
                logits = logits + (capsules.unsqueeze(2) * votes).sum(-1)
        return capsules


def squash(v: Tensor) -> Tensor:
    """Shorten vectors to below length 1: ``v |v|^2 / (1 + |v|^2) / sqrt(|v|^2 + 1e-7)``."""
    squared = v.square().sum(-1, keepdim=True)
    return v * squared / (1.0 + squared) / (squared + 1e-7).sqrt()


class LinearAggregation(nn.Module):
    """The plain alternative: a linear layer over channels and one over vectors, both without bias."""

    def __init__(self, vectors: int, cin: int = 64, count: int = 3, cout: int = 16) -> None:
        super().__init__()
        self.channels = nn.Linear(cin, cout, bias=False)
        self.mix = nn.Linear(vectors, count, bias=False)
        keras_init(self)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.mix(self.channels(x).transpose(1, 2))
        return mixed.transpose(1, 2)


class NetVLAD(nn.Module):
    """NetVLAD (Arandjelovic et al. 2016): residuals from 3 soft clusters, normalised, to 3 vectors of 16."""

    def __init__(self, cin: int = 64, count: int = 3, cout: int = 16) -> None:
        super().__init__()
        self.assign = nn.Linear(cin, count)
        self.centres = nn.Parameter(torch.empty(cin, count))
        self.hidden = nn.Linear(cin * count, count * cout, bias=False)
        for p in (self.assign.weight, self.assign.bias, self.centres):
            nn.init.normal_(p, std=cin**-0.5)
        nn.init.normal_(self.hidden.weight, std=count**-0.5)
        self.count, self.cout = count, cout

    @full_precision
    def forward(self, x: Tensor) -> Tensor:
        x = x.float()
        weight = self.assign(x).softmax(-1)
        residual = x.transpose(1, 2) @ weight - weight.sum(1, keepdim=True) * self.centres
        unit = F.normalize(residual, dim=1, eps=1e-6)
        flat = F.normalize(unit.flatten(1), dim=1, eps=1e-6)
        return _split(self.hidden(flat), self.count, self.cout)


def leaky_gradient_relu(x: Tensor, slope: float) -> Tensor:
    """ReLU whose derivative below zero is ``slope`` instead of 0; the values are those of ReLU exactly."""
    below = slope * x.clamp_max(0.0)
    return F.relu(x) + (below - below.detach())


class SSRHead(nn.Module):
    """Soft stage-wise regression of three angles from three stages.

    Stage k gives per angle a scale delta in (-1, 1), a shift eta in (-1, 1) and the weights p of 3 bins, and
    angle = 99 sum_k [sum_{i=-1..1} p_i (i + eta)] / prod_{j<=k} 3 (1 + delta_j).

    delta, eta, p: the layers before the activations, one a stage; the subclasses say what they see.

    The p are ReLUs and not a softmax. Once all nine weights of an angle are negative for every image, their
    gradient is zero for good and the angle reads 0 ever after: published training runs die that way. Two
    measures: biases of p start at ``bias`` > 0, and while training the gradient (never the value) of a
    negative weight is ``revive`` times that of a positive one. ``revive=0, bias=0`` is the original.
    """

    def __init__(self, revive: float = 0.1, bias: float = 0.1) -> None:
        super().__init__()
        self.delta, self.eta, self.p = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.revive, self.bias = revive, bias

    def start(self) -> None:
        """Initialise the layers once a subclass has made them."""
        keras_init(self)
        for layer in self.p:
            nn.init.constant_(layer.bias, self.bias)  # type: ignore[arg-type]

    @full_precision
    def combine(self, deltas: list[Tensor], etas: list[Tensor], scores: list[Tensor]) -> Tensor:
        """Angles (B, 3) in degrees of the raw layer outputs: (B, 3), (B, 3) and (B, 9) for each stage."""
        angle, scale = torch.zeros_like(deltas[0].float()), torch.ones_like(deltas[0].float())
        for delta, eta, score in zip(deltas, etas, scores, strict=True):
            p = _split(leaky_gradient_relu(score.float(), self.revive), 3, 3)
            shift = torch.tanh(eta.float())
            # delta rounds to -1 in float32 and would divide by 0; released networks stay far above the bound
            scale = scale * 3.0 * (1.0 + torch.tanh(delta.float())).clamp_min(1e-4)
            first = p[..., 2] - p[..., 0] + shift * p.sum(-1)
            angle = angle + first / scale
        return 99.0 * angle


class CapsuleHead(SSRHead):
    """FSA-Net's head: 16 numbers a stage, 4 for delta, 4 for eta, 8 for p."""

    def __init__(self, revive: float = 0.1, bias: float = 0.1) -> None:
        super().__init__(revive, bias)
        for _ in range(3):
            self.delta.append(nn.Linear(4, 3))
            self.eta.append(nn.Linear(4, 3))
            self.p.append(nn.Linear(8, 9))
        self.start()

    def forward(self, capsules: Tensor) -> Tensor:
        """capsules: (B, 3, 16); angles (B, 3) in degrees."""
        stages = capsules.unbind(1)
        return self.combine(
            [fc(x[:, 0:4]) for fc, x in zip(self.delta, stages, strict=True)],
            [fc(x[:, 4:8]) for fc, x in zip(self.eta, stages, strict=True)],
            [fc(x[:, 8:16]) for fc, x in zip(self.p, stages, strict=True)],
        )


class DenseHead(SSRHead):
    """SSR-Net-MD's head: the flattened map of each stage, with a hidden tanh layer of 6 for delta and eta."""

    def __init__(self, features: tuple[int, ...], revive: float = 0.1, bias: float = 0.1) -> None:
        super().__init__(revive, bias)
        self.delta_hidden = nn.ModuleList(nn.Linear(n, 6) for n in features)
        self.eta_hidden = nn.ModuleList(nn.Linear(n, 6) for n in features)
        for n in features:
            self.delta.append(nn.Linear(6, 3))
            self.eta.append(nn.Linear(6, 3))
            self.p.append(nn.Linear(n, 9))
        self.start()

    def forward(self, stages: list[Tensor]) -> Tensor:
        """stages: three flattened maps (B, features[k]); angles (B, 3) in degrees."""
        deltas, etas, scores = [], [], []
        for k, x in enumerate(stages):
            deltas.append(self.delta[k](torch.tanh(self.delta_hidden[k](x))))
            etas.append(self.eta[k](torch.tanh(self.eta_hidden[k](x))))
            scores.append(self.p[k](x))
        return self.combine(deltas, etas, scores)
