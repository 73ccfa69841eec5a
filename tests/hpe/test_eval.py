"""`maskgen eval`: checkpoints, ONNX files, FSA-Net weights and outside CSVs, on clean and masked sets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from maskgen.cli.main import command as maskgen  # noqa: E402
from maskgen.cli.main import run  # noqa: E402
from maskgen.hpe import checkpoint, evaluate, gap  # noqa: E402
from maskgen.hpe.contract import prepare  # noqa: E402
from maskgen.hpe.data import load_set  # noqa: E402
from maskgen.hpe.registry import create_model  # noqa: E402
from maskgen.hpe.rows import RowSpec  # noqa: E402
from tests.hpe.tiny_sets import write_set  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    write_set(folder / "AFLW2000", 20)
    write_set(folder / "AFLW2000_masked", 16, masked=True)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    network = create_model("fastpose", width=0.5)
    with torch.no_grad():
        network.six.weight.normal_(0.0, 0.3)
    path = tmp_path_factory.mktemp("model") / "net.pt"
    checkpoint.save(path, {"model": checkpoint.model_record(network), "ema": None})
    return path


def call(root: Path, *arguments: str) -> int:
    return run(maskgen, ["eval", *arguments, "--root", str(root), "--cache", str(root / "cache")])


def agrees(network, root: Path, out: Path) -> None:
    """The predictions in ``out`` are what the network itself says of AFLW2000's crops."""
    samples = load_set(str(root / "AFLW2000"), RowSpec("fsanet", 64), root / "cache")
    with torch.no_grad():
        said = network(prepare(samples.pixels(np.arange(20)), network.input_spec)).euler.numpy()
    lines = (out / "predictions/AFLW2000.csv").read_text().splitlines()[1:]
    got = np.array([[float(v) for v in line.split(",")[1:4]] for line in lines])
    np.testing.assert_allclose(got, said, atol=2e-3)


def test_a_checkpoints_predictions_are_the_networks_own(root, model, tmp_path, capsys) -> None:
    assert call(root, str(model), "--data", "AFLW2000", "--out", str(tmp_path / "out")) == 0
    network = checkpoint.restore_model(checkpoint.load(model), model)
    agrees(network, root, tmp_path / "out")
    assert "AFLW2000, always zero" in capsys.readouterr().out


def test_results_say_what_was_measured_and_on_what(root, model, tmp_path, capsys) -> None:
    sets = ("--data", "clean=AFLW2000", "--data", "masked=AFLW2000_masked")
    assert call(root, str(model), *sets, "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["schema"] == evaluate.SCHEMA
    about = content["tests"]["clean"]["data"]
    assert (about["crop"], about["size"], about["n"]) == ("fsanet", 64, 20)
    assert len(about["sources"][0]["content_sha256"]) == 64
    assert content["model"]["params"] == sum(
        p.numel() for p in create_model("fastpose", width=0.5).parameters()
    )
    assert content["model"]["flops"] > 1e6
    report = content["gaps"]["clean -> masked"]
    assert (report["n_clean"], report["n_masked"], report["n_pairs"]) == (20, 16, 16)
    assert set(report["paired"]) == set(gap.COLUMNS)


def test_a_predictions_csv_scores_like_the_network_that_wrote_it(root, model, tmp_path, capsys) -> None:
    assert call(root, str(model), "--data", "AFLW2000", "--out", str(tmp_path / "a"), "--json") == 0
    first = json.loads(capsys.readouterr().out)["tests"]["AFLW2000"]["scores"]
    csv = tmp_path / "a/predictions/AFLW2000.csv"
    assert call(root, "--predictions", str(csv), "--data", "AFLW2000", "--json") == 0
    second = json.loads(capsys.readouterr().out)["tests"]["AFLW2000.csv"]["scores"]
    for key in ("mae", "geodesic", "maev", "auc"):
        assert second[key] == pytest.approx(first[key], abs=1e-3)


def test_an_exported_graph_scores_like_its_checkpoint(root, model, tmp_path, capsys) -> None:
    pytest.importorskip("onnxruntime")
    from maskgen.hpe.export import export_onnx

    network = checkpoint.restore_model(checkpoint.load(model), model)
    export_onnx(network, tmp_path / "net.onnx")
    maes = []
    for arguments in ((str(model),), (str(tmp_path / "net.onnx"), "--like", "fastpose")):
        assert call(root, *arguments, "--data", "AFLW2000", "--json") == 0
        maes.append(json.loads(capsys.readouterr().out)["tests"]["AFLW2000"]["scores"]["mae"]["mean"])
    assert maes[1] == pytest.approx(maes[0], abs=1e-3)


def test_released_fsanet_weights_reach_their_published_error(samples, shared, tmp_path, capsys) -> None:
    weights = shared / "models/fsanet/fsanet_capsule_3_16_2_21_5.h5"
    pytest.importorskip("h5py")
    arguments = ["eval", str(weights), "--data", "AFLW2000", "--root", str(samples), "--json"]
    assert run(maskgen, [*arguments, "--cache", str(tmp_path)]) == 0
    scores = json.loads(capsys.readouterr().out)["tests"]["AFLW2000"]["scores"]
    # published: 5.25 on all 1,969 pictures; a wrong crop or sign is above 7
    assert scores["mae"]["mean"] < 5.5
    assert scores["n_images"] == 892


def test_a_keras_file_scores_like_the_network_in_it(root, tmp_path, capsys) -> None:
    pytest.importorskip("h5py")
    from maskgen.hpe.importers.fsanet_keras import load_fsanet
    from tests.hpe import keras_fsanet as keras

    weights = keras.write(tmp_path / "var.h5", keras.random_layers("caps", "var", seed=2), shift=20)
    assert call(root, str(weights), "--data", "AFLW2000", "--out", str(tmp_path / "out"), "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["model"]["name"] == "fsanet_caps_var"
    assert content["tests"]["AFLW2000"]["data"]["crop"] == "fsanet"
    network = load_fsanet(weights)
    agrees(network, root, tmp_path / "out")


def test_outputs_that_run_against_the_labels_are_warned_about(root, tmp_path, capsys) -> None:
    labels = load_set(str(root / "AFLW2000"), RowSpec("fsanet", 8), root / "cache").labels()
    rows = [f"{i},{y},{p},{-r}" for i, (y, p, r) in zip(labels.ids, labels.euler, strict=True)]
    (tmp_path / "p.csv").write_text("\n".join(["id,yaw,pitch,roll", *rows]) + "\n")
    assert call(root, "--predictions", f"theirs={tmp_path / 'p.csv'}", "--data", "theirs=AFLW2000") == 0
    text = capsys.readouterr().out
    assert "roll runs against the labels" in text
    assert "roll MAE" in text
    assert "yaw runs" not in text


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothere.pt", "--data", "AFLW2000"],
        ["{model}"],
        ["{model}", "--data", "CelebA"],
        ["{model}", "--data", "AFLW2000", "--crop", "tight"],
        ["{model}", "--protocol", "p7"],
        ["{model}", "--data", "{set}", "--mean", "raw"],
        ["{model}", "--data", "{set}", "--size", "64"],
        ["{text}", "--data", "AFLW2000"],
        ["{keras}", "--data", "AFLW2000"],
        ["{onnx}", "--data", "AFLW2000"],
        ["{onnx}", "--data", "AFLW2000", "--like", "fastpose"],
        ["--predictions", "{text}"],
        ["{table}", "--data", "AFLW2000"],
        ["{model}", "--predictions", "{text}"],
    ],
)
def test_wrong_calls_are_one_sentence_and_exit_code_2(root, model, tmp_path, capsys, arguments) -> None:
    (tmp_path / "a.txt").write_text("hello")
    (tmp_path / "a.onnx").write_bytes(b"hello")
    (tmp_path / "a.h5").write_bytes(b"hello")
    (tmp_path / "a.csv").write_text("id,yaw,pitch,roll\nimage00001,0,0,0\n")
    names = {
        "model": model,
        "text": tmp_path / "a.txt",
        "set": root,
        "onnx": tmp_path / "a.onnx",
        "keras": tmp_path / "a.h5",
        "table": tmp_path / "a.csv",
    }
    assert call(root, *(a.format(**names) for a in arguments)) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: ")
    assert error.strip().count("\n") == 0


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("1,inf,3", "pitch is 'inf', not a number in degrees"),
        ("1,two,3", "pitch is 'two', not a number in degrees"),
        ("1", "ends before its pitch"),
    ],
)
def test_a_broken_row_of_a_predictions_file_is_named(root, tmp_path, capsys, row: str, says: str) -> None:
    name = load_set(str(root / "AFLW2000"), RowSpec("fsanet", 8), root / "cache").labels().ids[0]
    (tmp_path / "p.csv").write_text(f"id,yaw,pitch,roll\n{name},{row}\n")
    assert call(root, "--predictions", str(tmp_path / "p.csv"), "--data", "AFLW2000") == 2
    error = capsys.readouterr().err
    assert f"line 2{'' if 'ends' in says else ':'} {says}" in error
    assert error.strip().count("\n") == 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("row", [",,", "nan,nan,nan"])
def test_a_set_on_which_every_face_was_missed_is_said_and_not_scored(root, tmp_path, capsys, row) -> None:
    name = load_set(str(root / "AFLW2000"), RowSpec("fsanet", 8), root / "cache").labels().ids[0]
    (tmp_path / "p.csv").write_text(f"id,yaw,pitch,roll\n{name},{row}\n")
    assert call(root, "--predictions", str(tmp_path / "p.csv"), "--data", "AFLW2000") == 0
    assert "no face was detected in any picture" in capsys.readouterr().out
