"""FSA-Net and SSR-Net-MD in plain numpy, read off the Keras graphs: the oracle for the weight importer.

Works on the arrays of a weight file as Keras stores them, channels last throughout, and shares no code with
the torch networks. ``random_layers`` makes files of the variants that no test may ship.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

Layers = dict[str, dict[str, np.ndarray]]
WIDTHS = (16, 32, 32, 64, 64, 128, 128)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -60, 60)))


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def pool(x: np.ndarray, how) -> np.ndarray:
    n, h, w, c = x.shape
    return how(x.reshape(n, h // 2, 2, w // 2, 2, c), axis=(2, 4))


def block(x: np.ndarray, conv: dict, norm: dict, act) -> np.ndarray:
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    h, w = x.shape[1:3]
    depth = sum(
        padded[:, i : i + h, j : j + w] * conv["depthwise_kernel"][i, j, :, 0]
        for i in range(3)
        for j in range(3)
    )
    y = depth @ conv["pointwise_kernel"][0, 0] + conv["bias"]
    y = (y - norm["moving_mean"]) / np.sqrt(norm["moving_variance"] + 1e-3)
    return act(y * norm["gamma"] + norm["beta"])


def streams(x: np.ndarray, layers: Layers, act, how, first: int) -> list[np.ndarray]:
    """Taps k = 1, 2, 3 of one stream, whose layers count from ``first``."""

    def run(x: np.ndarray, *numbers: int) -> np.ndarray:
        for i in numbers:
            name = first + i
            x = block(x, layers[f"separable_conv2d_{name}"], layers[f"batch_normalization_{name}"], act)
        return x

    x = pool(run(x, 0), how)
    third = pool(run(x, 1, 2), how)
    second = pool(run(third, 3, 4), how)
    return [run(second, 5, 6), second, third]


def reduced(x: np.ndarray, layers: Layers) -> list[tuple[np.ndarray, np.ndarray]]:
    """(R, T) with 64 channels of stages 1, 2, 3."""
    r = streams(x, layers, relu, np.mean, 1)
    t = streams(x, layers, np.tanh, np.max, 8)

    def point(x: np.ndarray, number: int) -> np.ndarray:
        layer = layers[f"conv2d_{number}"]
        return x @ layer["kernel"][0, 0] + layer["bias"]

    return [(relu(point(r[k], 2 * k + 2)), np.tanh(point(t[k], 2 * k + 1))) for k in range(3)]


def dense(x: np.ndarray, layer: dict) -> np.ndarray:
    return x @ layer["kernel"] + layer["bias"]


def ssr(deltas: list, etas: list, scores: list) -> np.ndarray:
    """The angles, by the loops of the published graph."""
    total = 0.0
    for k in range(3):
        p = relu(scores[k]).reshape(-1, 3, 3)
        part = sum((i - 1 + np.tanh(etas[k])) * p[:, :, i] for i in range(3))
        for j in range(k + 1):
            part = part / (3 * (1 + np.tanh(deltas[j])))
        total = total + part
    return total * 99


def fsanet(x: np.ndarray, layers: Layers) -> np.ndarray:
    """Angles (n, 3) of raw BGR pixels (n, 64, 64, 3) for any of the nine variants."""
    maps = [r * t for r, t in reduced(x, layers)]
    maps[2] = pool(maps[2], np.mean)
    vectors = np.concatenate([m.reshape(len(x), 64, 64) for m in maps], axis=1)
    numbers = sorted(int(n.split("_")[1]) for n in layers if n.startswith("dense_"))
    if layers[f"dense_{numbers[0]}"]["kernel"].shape == (64, 960):
        m_fc, c_fc = (layers[f"dense_{n}"] for n in numbers[:2])
        numbers = numbers[2:]
        if "conv2d_7" in layers:
            k = layers["conv2d_7"]
            scores = [sigmoid(m @ k["kernel"][0, 0] + k["bias"]).reshape(len(x), 64) for m in maps]
        else:
            scores = [m.var(axis=-1).reshape(len(x), 64) for m in maps]
        c = sigmoid(dense(np.concatenate(scores, 1), c_fc)).reshape(-1, 7, 5)
        s = [c @ sigmoid(dense(a, m_fc)).reshape(-1, 5, 192) for a in scores]
        vectors = np.concatenate([sk @ vectors / sk.sum(-1, keepdims=True) for sk in s], axis=1)
    capsules = aggregate(vectors, layers)
    heads = [capsules[:, k] for k in range(3)]
    return ssr(
        [dense(h[:, 0:4], layers[f"delta_s{k + 1}"]) for k, h in enumerate(heads)],
        [dense(h[:, 4:8], layers[f"local_delta_stage{k + 1}"]) for k, h in enumerate(heads)],
        [dense(h[:, 8:16], layers[f"dense_{numbers[k]}"]) for k, h in enumerate(heads)],
    )


def aggregate(v: np.ndarray, layers: Layers) -> np.ndarray:
    if "caps" in layers:
        votes = np.einsum("knoi,bni->bkno", layers["caps"]["W"], v)
        b = np.zeros(votes.shape[:3])
        for last in (False, True):
            s = np.einsum("bkn,bkno->bko", softmax(b, 1), votes)
            length = (s**2).sum(-1, keepdims=True)
            out = length / (1 + length) / np.sqrt(length + 1e-7) * s
            if not last:
                b = b + np.einsum("bko,bkno->bkn", out, votes)
        return out
    if "mat_mul_layer_1" in layers:
        first = v @ layers["mat_mul_layer_1"]["kernel_type1"]
        return np.einsum("bnc,nk->bkc", first, layers["mat_mul_layer_2"]["kernel_type2"])
    w = layers["net_vlad_1"]
    a = softmax(v @ w["kernel_W1"] + w["kernel_B1"], -1)
    vlad = np.einsum("bnk,bnc->bck", a, v) - a.sum(1, keepdims=True) * w["kernel_W2"]
    vlad /= np.sqrt(np.maximum((vlad**2).sum(1, keepdims=True), 1e-12))
    flat = vlad.reshape(len(v), -1)
    flat /= np.sqrt(np.maximum((flat**2).sum(1, keepdims=True), 1e-12))
    return (flat @ w["kernel_H1"]).reshape(-1, 3, 16)


def ssrnet(x: np.ndarray, layers: Layers) -> np.ndarray:
    """Angles (n, 3) of raw BGR pixels for SSR-Net-MD."""
    flat = [(pool(t, np.max) * pool(r, np.mean)).reshape(len(x), -1) for r, t in reduced(x, layers)]
    deltas, etas, scores = [], [], []
    for k, f in enumerate(flat):
        deltas.append(dense(np.tanh(dense(f, layers[f"dense_{3 * k + 1}"])), layers[f"delta_s{k + 1}"]))
        etas.append(
            dense(np.tanh(dense(f, layers[f"dense_{3 * k + 2}"])), layers[f"local_delta_stage{k + 1}"])
        )
        scores.append(dense(f, layers[f"dense_{3 * k + 3}"]))
    return ssr(deltas, etas, scores)


def random_layers(aggregation: str, scoring: str, seed: int = 0) -> Layers:
    """Weights of a variant with the names and shapes of the release; ssr = SSR-Net-MD."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int, gain: float = 1.0) -> np.ndarray:
        fan = np.prod(shape[:-1])
        return (gain * rng.normal(size=shape) / np.sqrt(fan)).astype(np.float32)

    layers: Layers = {}
    for stream in (0, 7):
        cin = 3
        for i, cout in enumerate(WIDTHS, start=1):
            layers[f"separable_conv2d_{stream + i}"] = {
                "depthwise_kernel": normal(3, 3, cin, 1, gain=2.0 * np.sqrt(cin)),
                "pointwise_kernel": normal(1, 1, cin, cout, gain=0.02 if cin == 3 else 1.0),
                "bias": normal(cout, gain=0.1),
            }
            layers[f"batch_normalization_{stream + i}"] = {
                "gamma": rng.uniform(0.5, 1.5, cout).astype(np.float32),
                "beta": normal(cout, gain=0.5),
                "moving_mean": normal(cout, gain=0.5),
                "moving_variance": rng.uniform(0.5, 1.5, cout).astype(np.float32),
            }
            cin = cout
    for k, c in enumerate((128, 64, 32)):
        for number in (2 * k + 1, 2 * k + 2):
            layers[f"conv2d_{number}"] = {"kernel": normal(1, 1, c, 64), "bias": normal(64, gain=0.2)}

    def fc(name: str, cin: int, cout: int) -> None:
        layers[name] = {"kernel": normal(cin, cout), "bias": rng.uniform(0, 0.3, cout).astype(np.float32)}

    if aggregation == "ssr":
        for k, n in enumerate((1024, 1024, 4096)):
            fc(f"dense_{3 * k + 1}", n, 6)
            fc(f"dense_{3 * k + 2}", n, 6)
            fc(f"dense_{3 * k + 3}", n, 9)
    else:
        n = 192 if scoring == "wo" else 21
        number = 1
        if scoring != "wo":
            fc("dense_1", 64, 960)
            fc("dense_2", 192, 35)
            number = 3
        if scoring == "1x1":
            layers["conv2d_7"] = {"kernel": normal(1, 1, 64, 1), "bias": normal(1)}
        for i in range(3):
            fc(f"dense_{number + i}", 8, 9)
        if aggregation == "caps":
            layers["caps"] = {"W": (rng.normal(size=(3, n, 16, 64)) / 30).astype(np.float32)}
        elif aggregation == "agg":
            layers["mat_mul_layer_1"] = {"kernel_type1": normal(64, 16)}
            layers["mat_mul_layer_2"] = {"kernel_type2": normal(n, 3)}
        else:
            layers["net_vlad_1"] = {
                "kernel_W1": normal(64, 3),
                "kernel_B1": normal(3),
                "kernel_W2": normal(1, 64, 3),
                "kernel_H1": normal(192, 48, gain=10.0),
            }
    width = 6 if aggregation == "ssr" else 4
    for k in (1, 2, 3):
        fc(f"delta_s{k}", width, 3)
        # trained deltas are moderate; near -1 the published formula divides by next to nothing
        layers[f"delta_s{k}"]["kernel"] *= 0.05
        fc(f"local_delta_stage{k}", width, 3)
    return layers


def write(path: Path, layers: Layers, group: str = "ssr_model", shift: int = 0) -> Path:
    """An HDF5 file of ``layers``, their Keras numbers all raised by ``shift`` as in a longer session."""
    with h5py.File(path, "w") as file:
        for name, weights in layers.items():
            stem, _, number = name.rpartition("_")
            new = f"{stem}_{int(number) + shift}" if number.isdigit() else name
            for key, array in weights.items():
                file[f"{group}/{new}/{key}:0"] = array
    return path
