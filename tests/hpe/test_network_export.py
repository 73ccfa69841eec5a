"""ONNX files of the networks with training-only parts: contents, agreement, and the command."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from maskgen.cli.main import command, run
from maskgen.errors import UsageError
from maskgen.geometry.rotation import geodesic_deg
from maskgen.hpe.export import export_onnx
from maskgen.hpe.registry import create_model, model_class

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

NAMES = ("siamese_rank", "mhpe", "glpose", "retinapose_mnet025", "retinapose_r50", "trinet")
TRAINING_ONLY = ("ensemble", "scme_ref", "concentration", "landmark_branch")


def tiny(name: str, **options):
    torch.manual_seed(0)
    return create_model(name, **{**model_class(name).tiny, **options})


@pytest.mark.parametrize("name", NAMES)
def test_graph_agrees_with_torch_at_any_batch_size_and_holds_no_training_parts(name, tmp_path):
    # at a threshold of nothing the detectors answer with their best anchor, not with the miss pose
    options = {"threshold": 1e-6} if name.startswith("retina") else {}
    model = tiny(name, **options).eval()
    path = tmp_path / "net.onnx"
    assert export_onnx(model, path) < 0.05
    graph = onnx.load(path)
    for weight in graph.graph.initializer:
        assert not any(part in weight.name for part in TRAINING_ONLY)
    meta = {p.key: p.value for p in graph.metadata_props}
    assert meta["maskgen.network"] == name
    assert json.loads(meta["maskgen.input"])["size"] == model.input_spec.size
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for batch in (1, 5):
        images = torch.randn(batch, 3, model.input_spec.size, model.input_spec.size)
        (rotation,) = session.run(["R"], {"images": images.numpy()})
        with torch.no_grad():
            expected = model(images).R.numpy()
        assert geodesic_deg(rotation, expected).max() < 0.05
        assert np.abs(expected - np.eye(3)).max() > 0.01


def test_detector_graph_also_gives_score_box_and_points(tmp_path):
    model = tiny("retinapose_mnet025").eval()
    export_onnx(model, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    images = torch.randn(2, 3, 128, 128)
    names = ["score", "box", "points5"]
    found = dict(zip(names, session.run(names, {"images": images.numpy()}), strict=True))
    with torch.no_grad():
        out = model(images)
    for key, value in found.items():
        np.testing.assert_allclose(value, out.extras[key].numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_state_dict_round_trip_gives_the_same_answers(name):
    model, other = tiny(name).eval(), create_model(name, **model_class(name).tiny).eval()
    images = torch.randn(2, 3, model.input_spec.size, model.input_spec.size)
    other.load_state_dict(model.state_dict())
    assert torch.equal(model(images).R, other(images).R)


@pytest.mark.parametrize("name", NAMES)
def test_images_of_the_wrong_kind_are_refused_in_one_sentence(name):
    model = tiny(name)
    for wrong in (torch.zeros(1, 3, 33, 33), torch.zeros(2, 1, 64, 64), torch.zeros(3, 64, 64)):
        with pytest.raises(UsageError, match=name) as caught:
            model(wrong)
        assert "\n" not in str(caught.value)


def test_commands_list_describe_and_export(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(command, ["models"]) == 0
    table = capsys.readouterr().out
    assert "retinapose_mnet025" in table
    assert "428,948" in table
    assert run(command, ["models", "mhpe"]) == 0
    card = capsys.readouterr().out
    assert "open points" in card
    assert "minimising that drives the mode away" in card
    assert run(command, ["models", "--json", "glpose"]) == 0
    (parsed,) = json.loads(capsys.readouterr().out)
    assert parsed["card"]["published"]["p1-aflw2000"] == [3.33, 4.71, 3.16, 3.73]
    assert run(command, ["models", "--markdown", "trinet"]) == 0
    assert capsys.readouterr().out.count("\n") == 3

    assert run(command, ["export", "fsanet_caps_var"]) == 0
    assert (tmp_path / "fsanet_caps_var.onnx").is_file()
    assert run(command, ["export", "fsanet_caps_var"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    for wrong in ("export nosuch", "export nosuch.pt", "models glpos", "export trinet --out no/such/x.onnx"):
        assert run(command, wrong.split()) == 2
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("no/such/x.onnx", "the folder no/such does not exist"),
        ("file/x.onnx", "file is a file"),
        ("file/below/x.onnx", "file is a file"),
        (".", ". is a folder"),
    ],
)
def test_an_output_that_cannot_be_is_refused_for_what_it_is(out, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    assert run(command, ["export", "retinapose_mnet025", "--out", out, "--overwrite"]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert (tmp_path / "file").read_text() == "kept"
