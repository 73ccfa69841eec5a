"""Released FSA-Net weights: the golden outputs of the released graphs, and every variant against numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
h5py = pytest.importorskip("h5py")

from maskgen.errors import UsageError  # noqa: E402
from maskgen.geometry.rotation import geodesic_deg  # noqa: E402
from maskgen.hpe.importers.fsanet_keras import load_fsanet, load_fsanet_fusion, read_layers  # noqa: E402
from tests.hpe import keras_fsanet as keras  # noqa: E402

RELEASED = {
    "fsanet_capsule_3_16_2_21_5": "fsanet_caps_1x1",
    "fsanet_var_capsule_3_16_2_21_5": "fsanet_caps_var",
    "fsanet_noS_capsule_3_16_2_192_5": "fsanet_caps_wo",
}
VARIANTS = [(a, s) for a in ("caps", "agg", "vlad") for s in ("wo", "1x1", "var")]


def planes(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))


def pixels(n: int = 3) -> np.ndarray:
    return np.random.default_rng(5).uniform(0, 255, size=(n, 64, 64, 3)).astype(np.float32)


@pytest.fixture
def golden(shared: Path) -> np.lib.npyio.NpzFile:
    return np.load(shared / "golden" / "fsanet.npz")


@pytest.mark.parametrize("file", RELEASED)
def test_released_weights_agree_with_the_released_graph(file: str, shared: Path, golden) -> None:
    model = load_fsanet(shared / "models" / "fsanet" / f"{file}.h5")
    assert model.name == RELEASED[file]
    with torch.no_grad():
        output = model(planes(golden["x"]))
    assert np.abs(output.euler.numpy() - golden[file]).max() < 1e-3


@pytest.mark.parametrize("file", RELEASED)
def test_numpy_oracle_agrees_with_the_released_graph_too(file: str, shared: Path, golden) -> None:
    layers = read_layers(shared / "models" / "fsanet" / f"{file}.h5")
    assert np.abs(keras.fsanet(golden["x"][:2], layers) - golden[file][:2]).max() < 1e-3


def test_fusion_is_the_mean_of_the_three_released_networks(shared: Path, golden) -> None:
    files = [shared / "models" / "fsanet" / f"{f}.h5" for f in RELEASED]
    with torch.no_grad():
        output = load_fsanet_fusion(files[::-1])(planes(golden["x"]))
    assert np.abs(output.euler.numpy() - np.mean([golden[f] for f in RELEASED], axis=0)).max() < 1e-3


def test_released_network_survives_export(shared: Path, golden) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from maskgen.hpe.export import onnx_bytes

    model = load_fsanet(shared / "models" / "fsanet" / "fsanet_capsule_3_16_2_21_5.h5")
    session = onnxruntime.InferenceSession(onnx_bytes(model))
    (rotation,) = session.run(None, {"images": planes(golden["x"]).numpy()})
    from maskgen.geometry.rotation import euler_to_matrix

    expected = euler_to_matrix(golden["fsanet_capsule_3_16_2_21_5"])
    assert geodesic_deg(rotation, expected).max() < 0.02


@pytest.mark.parametrize(("aggregation", "scoring"), VARIANTS)
def test_every_variant_imports_and_equals_the_oracle(aggregation: str, scoring: str, tmp_path: Path) -> None:
    layers = keras.random_layers(aggregation, scoring)
    # numbered as in a long Keras session, where text order and number order differ
    model = load_fsanet(keras.write(tmp_path / "w.h5", layers, shift=97))
    assert model.name == f"fsanet_{aggregation}_{scoring}"
    x = pixels()
    expected = keras.fsanet(x.astype(np.float64), layers)
    assert np.abs(expected).max() > 0.1
    assert np.abs(expected - expected[0]).max() > 1e-3
    with torch.no_grad():
        got = model(planes(x)).euler.numpy()
    assert np.abs(got - expected).max() < 1e-3 * max(1.0, np.abs(expected).max() / 100)


def test_ssrnet_imports_and_equals_the_oracle(tmp_path: Path) -> None:
    layers = keras.random_layers("ssr", "")
    model = load_fsanet(keras.write(tmp_path / "w.h5", layers, group="model_weights/model_1"))
    assert model.name == "ssrnet_md"
    x = pixels()
    expected = keras.ssrnet(x.astype(np.float64), layers)
    assert np.abs(expected - expected[0]).max() > 1e-3
    with torch.no_grad():
        assert np.abs(model(planes(x)).euler.numpy() - expected).max() < 1e-2


def broken(change: str) -> keras.Layers:
    layers = keras.random_layers("caps", "1x1")
    if change == "a missing layer":
        del layers["delta_s2"]
    elif change == "a missing weight":
        del layers["batch_normalization_3"]["gamma"]
    elif change == "another shape":
        layers["separable_conv2d_4"]["pointwise_kernel"] = np.zeros((1, 1, 32, 48), np.float32)
    elif change == "a layer too many":
        layers["dense_99"] = {"kernel": np.zeros((5, 5), np.float32)}
    elif change == "a number that is none":
        layers["caps"]["W"][0, 0, 0, 0] = np.nan
    elif change == "one stream only":
        layers = {n: w for n, w in layers.items() if n not in ("separable_conv2d_9", "batch_normalization_9")}
    elif change == "another network":
        layers = {"fc8": {"kernel": np.zeros((4, 4), np.float32)}}
    return layers


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("a missing layer", "delta_s2"),
        ("a missing weight", "batch_normalization_3/gamma"),
        ("another shape", "separable_conv2d_4/pointwise_kernel"),
        ("a layer too many", "dense_99"),
        ("a number that is none", "caps/W"),
        ("one stream only", "13 separable convolutions"),
        ("another network", "not one of the released"),
    ],
)
def test_a_wrong_file_gets_one_sentence_that_names_what_is_wrong(
    change: str, says: str, tmp_path: Path
) -> None:
    path = keras.write(tmp_path / "w.h5", broken(change))
    with pytest.raises(UsageError) as caught:
        load_fsanet(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no weight file"):
        load_fsanet(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(UsageError, match="not an HDF5 file"):
        load_fsanet(tmp_path / "text.h5")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(UsageError, match="no layer weights"):
        load_fsanet(tmp_path / "empty.h5")


def test_fusion_refuses_two_of_a_kind(tmp_path: Path) -> None:
    path = keras.write(tmp_path / "w.h5", keras.random_layers("caps", "1x1"))
    with pytest.raises(UsageError, match="one released file each"):
        load_fsanet_fusion([path, path, path])
