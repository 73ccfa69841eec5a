"""The detector's real loading code, on a network of the right shape with random weights."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from maskgen.datasets import get_format
from maskgen.errors import LandmarkError, MissingDependency, UsageError
from maskgen.io.images import read_image
from maskgen.landmarks.weights import FACE_NET, LANDMARK_NET, find_weights

face_alignment = pytest.importorskip("face_alignment")
torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _no_weights_by_chance(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv("MASKGEN_WEIGHTS", raising=False)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a download was tried")

    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    monkeypatch.setattr("urllib.request.urlopen", refuse)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a FAN of random weights under the published file name."""
    from face_alignment.models import FAN

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    torch.save(FAN(4).state_dict(), folder / LANDMARK_NET)
    return folder


@pytest.fixture
def picture(fake_dataset) -> np.ndarray:
    fmt, root = get_format("AFLW2000"), fake_dataset("AFLW2000")
    return read_image(root / next(iter(fmt.index(root))).image).bgr


def test_weights_are_loaded_by_path_and_give_68_points_in_the_given_box(
    weights, fake_dataset, picture
) -> None:
    from maskgen.landmarks.detector import FaceAlignmentDetector

    fmt, root = get_format("AFLW2000"), fake_dataset("AFLW2000")
    sample = fmt.read(root, next(iter(fmt.index(root))))
    box = (120.0, 100.0, 330.0, 350.0)
    detector = FaceAlignmentDetector(weights / LANDMARK_NET, boxes={sample.id: box})
    found = detector(sample, lambda: picture)
    assert found.points.shape == (68, 2)
    assert found.source == "detector"
    assert ((found.xy > -150) & (found.xy < 600)).all()
    # a worker gets no network, but loads the same one
    again = pickle.loads(pickle.dumps(detector))
    assert again._network is None
    np.testing.assert_array_equal(found.xy, again.detect(picture, box).xy)
    assert detector(sample, None) is None
    with pytest.raises(LandmarkError, match="is empty"):
        detector.detect(picture, (10, 10, 10, 50))


def test_its_own_detection_finds_a_real_face(weights: Path, shared: Path, tmp_path: Path) -> None:
    from maskgen.landmarks.detector import FaceAlignmentDetector

    folder = tmp_path / "both"
    folder.mkdir()
    (folder / LANDMARK_NET).symlink_to(weights / LANDMARK_NET)
    (folder / FACE_NET).symlink_to(shared / "models" / FACE_NET)
    detector = FaceAlignmentDetector(folder)
    root, fmt = shared / "samples" / "AFLW2000", get_format("AFLW2000")
    sample = fmt.read(root, next(e for e in fmt.index(root) if e.id == "image00050"))
    bgr = read_image(root / sample.entry.image).bgr
    x0, y0, x1, y1 = detector.find_face(bgr)
    a0, b0, a1, b1 = sample.box
    overlap = max(0, min(x1, a1) - max(x0, a0)) * max(0, min(y1, b1) - max(y0, b0))
    assert overlap / ((x1 - x0) * (y1 - y0) + (a1 - a0) * (b1 - b0) - overlap) > 0.5
    with pytest.raises(LandmarkError, match="blank: no face found"):
        detector.find_face(np.full((200, 200, 3), 127, np.uint8), "blank")


def test_missing_weights_name_the_file_its_source_and_the_folders(tmp_path: Path) -> None:
    from maskgen.landmarks.detector import FaceAlignmentDetector

    with pytest.raises(UsageError) as caught:
        FaceAlignmentDetector(tmp_path / "nowhere")
    text = str(caught.value)
    for part in (
        LANDMARK_NET,
        "adrianbulat.com",
        str(tmp_path / "nowhere"),
        "torch/hub/checkpoints",
        "MASKGEN_WEIGHTS",
    ):
        assert part in text
    assert "\n" not in text


def test_a_missing_face_detector_is_said_at_once_where_no_boxes_are_given(weights: Path) -> None:
    from maskgen.landmarks.detector import FaceAlignmentDetector

    with pytest.raises(UsageError, match=FACE_NET):
        FaceAlignmentDetector(weights)
    assert FaceAlignmentDetector(weights, boxes={}).boxes == {}


def test_weights_are_found_where_the_variable_and_torch_keep_them(tmp_path: Path, monkeypatch) -> None:
    kept = tmp_path / "torch" / "hub" / "checkpoints"
    kept.mkdir(parents=True)
    (kept / FACE_NET).write_bytes(b"a")
    assert find_weights(FACE_NET) == kept / FACE_NET
    named = tmp_path / "named"
    named.mkdir()
    (named / FACE_NET).write_bytes(b"b")
    monkeypatch.setenv("MASKGEN_WEIGHTS", str(named))
    assert find_weights(FACE_NET) == named / FACE_NET
    assert find_weights(FACE_NET, kept) == kept / FACE_NET


@pytest.mark.parametrize("content", [b"", b"not a network", None])
def test_files_that_are_no_such_network_are_named(tmp_path: Path, content: bytes | None) -> None:
    from maskgen.landmarks.detector import FaceAlignmentDetector

    if content is None:
        torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / LANDMARK_NET)
    else:
        (tmp_path / LANDMARK_NET).write_bytes(content)
    with pytest.raises(UsageError, match=r"not the weights of|no PyTorch weights file") as caught:
        FaceAlignmentDetector(tmp_path)
    assert "\n" not in str(caught.value)


def test_without_the_library_the_install_command_is_given(weights: Path, monkeypatch) -> None:
    from maskgen.landmarks.detector import FaceAlignmentDetector

    monkeypatch.setitem(sys.modules, "face_alignment", None)
    with pytest.raises(MissingDependency, match=r"pip install 'maskgen\[detect\]'"):
        FaceAlignmentDetector(weights)


def test_asking_for_landmarks_imports_no_torch() -> None:
    import subprocess

    code = "import sys, maskgen.landmarks, maskgen.datasets; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
