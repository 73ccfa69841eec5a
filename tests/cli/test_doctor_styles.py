"""maskgen doctor finds what is wrong; maskgen styles shows what there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import cv2
import pytest

from maskgen.cli import doctor
from maskgen.cli.main import command, run
from maskgen.masks.catalogue import Catalogue


def lines(capsys) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_sound_installation_passes(capsys):
    assert run(command, ["doctor"]) == 0
    text = "\n".join(lines(capsys))
    for topic in ("python", "numpy", "opencv", "kernel cache", "disk", "styles", "dataset", "weights"):
        assert topic in text
    assert "FAIL" not in text


def pretend(monkeypatch, **versions: str | None) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name in versions:
            if versions[name] is None:
                raise metadata.PackageNotFoundError(name)
            return versions[name]
        return real(name)

    monkeypatch.setattr(doctor.metadata, "version", version)


def test_two_opencvs_are_a_clash_with_the_command_that_mends_it(monkeypatch, capsys):
    pretend(monkeypatch, **{"opencv-python-headless": "4.9.0.80"})
    assert run(command, ["doctor", "--quiet"]) == 1
    (line,) = lines(capsys)
    assert line.startswith("FAIL  opencv")
    assert "pip uninstall -y opencv-python opencv-python-headless" in line


def test_an_opencv_that_is_not_the_one_imported_is_found(monkeypatch, capsys):
    pretend(monkeypatch, **{"opencv-python": "1.2.3.4"})
    assert run(command, ["doctor", "--quiet"]) == 1
    assert f"cv2 {cv2.__version__} is imported" in lines(capsys)[0]


def test_a_missing_library_is_named_with_its_install_command(monkeypatch, capsys):
    pretend(monkeypatch, joblib=None)
    assert run(command, ["doctor", "--quiet"]) == 1
    assert lines(capsys) == ["FAIL  joblib       not installed; pip install joblib"]


def test_a_missing_optional_library_is_only_a_note(monkeypatch, capsys):
    pretend(monkeypatch, torch=None)
    assert run(command, ["doctor"]) == 0
    assert any(line.startswith("note  torch") and "maskgen[train]" in line for line in lines(capsys))


def test_a_cache_that_cannot_be_written_is_found_by_writing(monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert run(command, ["doctor", "--quiet"]) == 1
    assert "set NUMBA_CACHE_DIR" in lines(capsys)[0]
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    assert run(command, ["doctor", "--quiet"]) == 0


def test_datasets_and_weights_are_told_with_their_place(
    fake_dataset: Callable[..., Path], monkeypatch, tmp_path, capsys
):
    root = fake_dataset("BIWI")
    monkeypatch.setenv("MASKGEN_DATA", str(root.parent))
    (tmp_path / "face_detection_yunet_2023mar.onnx").write_bytes(b"x")
    monkeypatch.setenv("MASKGEN_WEIGHTS", str(tmp_path))
    assert run(command, ["doctor"]) == 0
    found = [line for line in lines(capsys) if line.startswith("ok")]
    assert any("dataset" in line and str(root) in line for line in found)
    assert any("weights" in line and str(tmp_path) in line for line in found)


def test_little_space_is_a_warning(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_LITTLE_SPACE", 1e30)
    assert run(command, ["doctor", "--quiet"]) == 0
    assert lines(capsys)[0].startswith("warn  disk")


def test_every_style_is_listed(capsys):
    assert run(command, ["styles"]) == 0
    names = [line.split()[0] for line in lines(capsys)]
    assert names == list(Catalogue.load().names())
    assert run(command, ["styles", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["style"] for row in rows] == names
    assert all(row["colors"] and row["title"] and row["wears"] for row in rows)


def test_styles_of_ones_own_are_listed_too(tmp_path, capsys):
    style = tmp_path / "mine" / "ours"
    style.mkdir(parents=True)
    for file in Path(str(Catalogue.load().style("surgical").folder)).iterdir():
        (style / file.name).write_bytes(file.read_bytes())
    assert run(command, ["styles", "--templates", str(tmp_path / "mine")]) == 0
    assert any(line.startswith("ours ") for line in lines(capsys))


def test_the_sheet_shows_every_style_on_a_face(tmp_path, capsys):
    sheet = tmp_path / "styles.png"
    assert run(command, ["styles", "--sheet", str(sheet)]) == 0
    assert lines(capsys) == [str(sheet)]
    image = cv2.imread(str(sheet))
    styles = len(Catalogue.load().names())
    assert image.shape[0] * image.shape[1] >= styles * 300 * 300


def test_the_sheet_can_be_drawn_on_a_sample(fake_dataset, tmp_path):
    root = fake_dataset("AFLW2000")
    sheet = tmp_path / "styles.png"
    args = ["styles", "--sheet", str(sheet), "--root", str(root), "--on", "image00004"]
    assert run(command, args) == 0
    assert cv2.imread(str(sheet)) is not None


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--sheet", "x.png", "--root", "{root}"], "need --on"),
        (["--sheet", "x.png", "--root", "{root}", "--on", "nobody"], "no sample 'nobody'"),
        (["--sheet", "x.gif"], ".png or a .jpg"),
        (["--root", "{root}", "--on", "image00004"], "--sheet FILE.png"),
        (["--templates", "nowhere"], "no such folder"),
    ],
)
def test_wrong_calls_of_styles_are_one_line(args, words, fake_dataset, tmp_path, monkeypatch, capsys):
    root = fake_dataset("AFLW2000")
    monkeypatch.chdir(tmp_path)
    assert run(command, ["styles", *(part.format(root=root) for part in args)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert words in err
