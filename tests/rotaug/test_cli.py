from __future__ import annotations

import os
import subprocess
import sys

import pytest

from maskgen.geometry import image_plane
from rotaug import cli, plan, rotate


def test_the_accepted_words_are_those_of_the_library():
    assert cli.PIVOTS == rotate.PIVOTS
    assert cli.CANVASES == rotate.CANVASES
    assert tuple(image_plane.BORDERS) == cli.BORDERS
    assert tuple(image_plane.INTERPOLATIONS) == cli.INTERPOLATIONS
    assert tuple(plan.CELLS) == cli.BALANCES


def test_help_imports_nothing_heavy():
    code = "import sys, rotaug.cli; sys.exit(bool({'numpy', 'cv2', 'scipy', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_package_runs_as_a_module():
    call = [sys.executable, "-m", "rotaug", "--range", "5", "5"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--angles 5" in done.stderr


def test_inside_a_dataset_one_option_is_enough(fake_dataset, monkeypatch, capsys):
    root = fake_dataset("AFLW2000", private=True)
    monkeypatch.chdir(root)
    assert cli.run(["--range", "-45", "45", "--jobs", "1"]) == 0
    out = root.parent / "AFLW2000_rotated"
    assert len(list(out.glob("*.jpg"))) == len(list(out.glob("*.mat"))) == 6
    assert "6 pictures, 6 ok" in capsys.readouterr().out


def test_a_dry_run_writes_nothing(fake_dataset, tmp_path, capsys):
    root = fake_dataset("BIWI")
    args = ["--root", str(root), "--out", str(tmp_path / "o"), "--range", "-180", "180", "--dry-run"]
    assert cli.run([*args, "--balance", "roll", "--per-image", "2"]) == 0
    said = capsys.readouterr().out
    assert "5 pictures, 10 to write in 2 twin(s)" in said
    assert "balanced roll" in said
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ([], "--range LOW HIGH"),
        (["--range", "45", "-45"], "reversed"),
        (["--range", "0", "0"], "empty"),
        (["--range", "-45"], "--range"),
        (["--angles", "1,x"], "parted by commas"),
        (["--angles", ""], "empty"),
        (["--angles", "5", "--range", "-1", "1"], "either"),
        (["--angles", "5", "--per-image", "2"], "--per-image"),
        (["--range", "-1", "1", "--per-image", "0"], "from 1 to 1000"),
        (["--range", "-1", "1", "--per-image", "1000000000"], "from 1 to 1000"),
        (["--range", "-1", "1", "--jobs", "-1"], "--jobs"),
        (["--range", "-1", "1", "--root", "nowhere"], "nowhere: no such folder"),
        (["--range", "-1", "1", "--seed", "-1"], "--seed"),
        (["--range", "-1", "1", "--fill", "red"], "--fill"),
        (["--range", "-1", "1", "--border", "reflect", "--fill", "3"], "--border reflect has no use"),
        (["--range", "-1", "1", "--dataset", "COCO"], "unknown dataset"),
        (["--range", "-1", "1", "--pivot", "principal"], "--pivot center"),
        (["--range", "-1", "1", "--pivot", "nose"], "nose"),
        (["--range", "-1", "1", "--resume", "--overwrite"], "exclude each other"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_code_2(args, word, fake_dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(fake_dataset("AFLW2000"))
    assert cli.run([*args, "--out", str(tmp_path / "o")]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert word in said
    assert not (tmp_path / "o").exists()


def test_the_input_is_no_output(fake_dataset, tmp_path, capsys):
    root = str(fake_dataset("AFLW2000"))
    assert cli.run(["--root", root, "--out", root, "--range", "-1", "1"]) == 2
    assert cli.run(["--root", root, "--out", f"{root}/turned", "--range", "-1", "1"]) == 2
    assert capsys.readouterr().err.count("\n") == 2
    assert not os.path.exists(f"{root}/turned")


def test_no_dataset_here_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.run(["--range", "-1", "1"]) == 2
    assert "--dataset NAME" in capsys.readouterr().err


def test_failures_set_the_exit_code_unless_they_are_allowed(fake_dataset, tmp_path, capsys):
    root = fake_dataset("AFLW2000", private=True)
    next(root.glob("*.mat")).write_bytes(b"broken")
    args = ["--root", str(root), "--range", "-1", "1", "--jobs", "1", "-q"]
    assert cli.run([*args, "--out", str(tmp_path / "a")]) == 1
    assert capsys.readouterr().err == "Error: 1 of 6 images failed, --max-failures is 0\n"
    assert cli.run([*args, "--out", str(tmp_path / "b"), "--max-failures", "1"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("pivot", ["principal", "face"])
def test_a_missing_calibration_is_named_without_a_spread_of_nothing(fake_dataset, tmp_path, capsys, pivot):
    root = fake_dataset("BIWI", private=True)
    for path in list(root.rglob("rgb.cal")):
        path.unlink()
    args = ["--root", str(root), "--range", "-45", "45", "--jobs", "1", "--out", str(tmp_path / "o")]
    assert cli.run([*args, "--pivot", pivot]) == 1
    said = capsys.readouterr().out
    assert "failed: label: 5" in said
    assert "rgb.cal is missing" in said
    assert "effective bins" not in said
