"""Whole frames in, faces with poses out: detectors, crops, ONNX files, and the demo that draws them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from maskgen.errors import UsageError
from maskgen.geometry.rotation import geodesic_deg
from maskgen.hpe import checkpoint
from maskgen.hpe.contract import make_targets, prepare
from maskgen.hpe.detection.matching import iou
from maskgen.hpe.live import FramePoser, OnnxGraph, YuNet, load_network
from maskgen.hpe.registry import create_model, model_class
from tests.hpe.toy_heads import batch_of_heads, draw_head

DEMO = Path(__file__).parents[2] / "examples" / "draw_pose.py"


#: steps of the detector's first round of training, and of each further one
ROUNDS = (80, 40, 40, 40)


@pytest.fixture(scope="module")
def detector():
    """A small detector that has learned ten frames and what is no face, and the frames' truth.

    A fixed number of steps ends elsewhere on every processor: it trains until it does what the tests build
    on, and says so if it does not.
    """
    torch.manual_seed(0)
    model = create_model("retinapose_mnet025", **model_class("retinapose_mnet025").tiny)
    frames, euler, boxes, points = batch_of_heads(10, 128, seed=3, frames=True)
    empty = np.zeros((2, 128, 128, 3), np.uint8)
    images = prepare(np.concatenate([frames, empty]), model.input_spec)
    euler, boxes, points = (
        np.concatenate([x, np.full((2, *x.shape[1:]), fill)])
        for x, fill in ((euler, 0.0), (boxes, np.nan), (points, np.nan))
    )
    targets = make_targets(torch.tensor(euler), box=torch.tensor(boxes), points5=torch.tensor(points))
    for steps in ROUNDS:
        fit(model, images, targets, steps)
        if not (wrong := shortcomings(model, images, boxes)):
            return model, frames, boxes[:10]
    pytest.fail(f"after {sum(ROUNDS)} steps: {wrong}")


def fit(model, images, targets, steps: int) -> None:
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=steps)
    model.train()
    for _ in range(steps):
        loss, _ = model.loss(model(images), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    model.eval()


def shortcomings(model, images, boxes) -> str:
    """What the trained detector still does wrong: one face on its box in each frame, none without one."""
    for i, (found, box) in enumerate(zip(model.detect(images), torch.tensor(boxes), strict=True)):
        wanted = int(box.isfinite().all())
        if len(found["box"]) != wanted:
            return f"{len(found['box'])} faces in frame {i} for {wanted}"
        if wanted and (overlap := float(iou(found["box"], box[None].float()))) < 0.75:
            return f"the box of frame {i} overlaps the truth by {overlap:.2f}"
    return ""


def save(model, path: Path) -> Path:
    checkpoint.save(path, {"model": checkpoint.model_record(model)})
    return path


def test_detector_answers_in_pixels_of_a_frame_that_is_not_square(detector):
    model, frames, boxes = detector
    poser = FramePoser(model)
    for i in range(3):
        square = cv2.resize(frames[i], (256, 256), interpolation=cv2.INTER_LINEAR)
        # the rows that are cut off come back black: letterboxing puts a frame into the top left corner
        square[250:] = 0
        faces = poser(square[:250, :, ::-1])
        assert len(faces) == 1
        assert np.abs(faces[0].box - boxes[i] * 256).max() < 25
        small = np.array(Image.fromarray(square).resize((128, 128), Image.Resampling.BILINEAR))
        with torch.no_grad():
            expected = model(prepare(small[None], model.input_spec))
        assert geodesic_deg(faces[0].R, expected.R[0].numpy()) < 0.5
        np.testing.assert_allclose(faces[0].box, expected.extras["box"][0].numpy() * 256, atol=0.5)
        np.testing.assert_allclose(faces[0].points5, expected.extras["points5"][0].numpy() * 256, atol=0.5)


def test_checkpoint_and_onnx_file_give_the_same_first_face(detector, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from maskgen.hpe.export import export_onnx

    model, frames, _ = detector
    export_onnx(model, tmp_path / "net.onnx")
    from_file = load_network(tmp_path / "net.onnx")
    assert isinstance(from_file, OnnxGraph)
    restored = load_network(save(model, tmp_path / "net.pt"))
    for frame in frames[:3, ..., ::-1]:
        a, b = FramePoser(restored)(frame), FramePoser(from_file)(frame)
        assert geodesic_deg(a[0].R, b[0].R) < 0.1
        np.testing.assert_allclose(a[0].box, b[0].box, atol=0.1)
    black = np.zeros((90, 120, 3), np.uint8)
    assert FramePoser(from_file)(black) == FramePoser(restored)(black) == []


def test_crop_networks_get_the_box_their_policy_cuts():
    torch.manual_seed(0)
    model = create_model("trinet", **model_class("trinet").tiny).eval()
    frame = draw_head(np.array([10.0, 5.0, 0.0]), 200)[0][..., ::-1]
    asked = []

    def finder(bgr):
        asked.append(bgr.shape)
        return [((60.0, 60.0, 140.0, 140.0), None, 0.9), ((500.0, 500.0, 560.0, 560.0), None, 0.8)]

    faces = FramePoser(model, finder)(frame)
    # the second box lies outside of the frame and is left out
    assert len(faces) == 1
    assert asked == [(200, 200, 3)]
    wide = frame[28:172, 28:172, ::-1]
    image = prepare(cv2.resize(wide, (64, 64), interpolation=cv2.INTER_LINEAR)[None].copy(), model.input_spec)
    with torch.no_grad():
        assert geodesic_deg(faces[0].R, model(image).R[0].numpy()) < 0.5
    assert FramePoser(model, lambda bgr: [])(frame) == []


def test_wrong_calls_get_one_clear_sentence(tmp_path):
    model = create_model("trinet", **model_class("trinet").tiny)
    with pytest.raises(UsageError, match="give a face detector"):
        FramePoser(model)
    with pytest.raises(UsageError, match="uint8 BGR"):
        FramePoser(model, lambda bgr: [])(np.zeros((4, 4)))
    with pytest.raises(UsageError, match="are not in"):
        YuNet(tmp_path)
    (tmp_path / "face_detection_yunet_2023mar.onnx").write_bytes(b"nothing")
    with pytest.raises(UsageError, match="not the ONNX file"):
        YuNet(tmp_path)
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    for wrong in ("bad.onnx", "none.onnx", "none.pt"):
        with pytest.raises(UsageError):
            load_network(tmp_path / wrong)


def demo():
    spec = importlib.util.spec_from_file_location("draw_pose_demo", DEMO)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_demo_draws_folders_and_videos_and_skips_broken_pictures(detector, tmp_path, capsys):
    model, frames, _ = detector
    network = str(save(model, tmp_path / "net.pt"))
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for i, name in enumerate(("a.png", "sub/b.png")):
        cv2.imwrite(str(tmp_path / "in" / name), frames[i, ..., ::-1])
    (tmp_path / "in" / "broken.jpg").write_bytes(b"\xff\xd8 not a picture")
    out = tmp_path / "out"
    assert demo().main([network, str(tmp_path / "in"), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "2 frames, faces in 2" in said.out
    assert "broken.jpg" in said.err
    drawn = cv2.imread(str(out / "sub" / "b.png"))
    assert (drawn != frames[1, ..., ::-1]).any()

    video = cv2.VideoWriter(str(tmp_path / "v.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (128, 128))
    for frame in frames[:4]:
        video.write(np.ascontiguousarray(frame[..., ::-1]))
    video.release()
    assert demo().main([network, str(tmp_path / "v.avi"), "--out", str(out), "--limit", "3"]) == 0
    assert "3 frames" in capsys.readouterr().out
    assert len(list(out.glob("frame_*.jpg"))) == 3


def test_demo_refuses_wrong_sources_with_code_2(tmp_path, capsys):
    network = str(save(create_model("trinet", **model_class("trinet").tiny), tmp_path / "net.pt"))
    (tmp_path / "empty").mkdir()
    assert demo().main([network, str(tmp_path / "empty"), "--faces", str(tmp_path)]) == 2
    assert demo().main([str(tmp_path / "no.pt"), "0"]) == 2
    errors = capsys.readouterr().err
    assert errors.count("Error:") == 2
    assert errors.count("\n") == 2


def test_released_weights_draw_real_faces(shared, tmp_path):
    weights, faces = shared / "models" / "fsanet" / "fsanet_var_capsule_3_16_2_21_5.h5", shared / "models"
    pytest.importorskip("h5py")
    if not weights.is_file() or not (faces / "face_detection_yunet_2023mar.onnx").is_file():
        pytest.skip("the released weights are not beside this checkout")
    source = shared / "samples" / "AFLW2000" / "image00002.jpg"
    assert demo().main([str(weights), str(source), "--faces", str(faces), "--out", str(tmp_path)]) == 0
    assert (tmp_path / "image00002.jpg").is_file()
