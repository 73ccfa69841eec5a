"""maskgen apply at the command line: what it prints, refuses and returns."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgen.apply import FIRST_START, ON_TOP, kernels_are_kept
from maskgen.apply_one import Templates
from maskgen.cli.main import command, run
from maskgen.jobs.output import RECORDS

#: a map of the wrong kind: transparent where grey or RGB is wanted
RGBA = cv2.imencode(".png", np.zeros((40, 60, 4), np.uint8))[1].tobytes()


@pytest.fixture
def root(fake_dataset: Callable[..., Path]) -> Path:
    return fake_dataset("AFLW2000", private=True)


def apply(*args: object) -> int:
    return run(command, ["apply", *map(str, args)])


def one_line(capsys) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("Error: ")
    return err


def test_a_plain_run_prints_a_summary_on_stdout_and_only_progress_on_stderr(root, tmp_path, capsys):
    assert apply("--dataset", "aflw2000-3d", "--root", root, "--out", tmp_path / "out") == 0
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line != FIRST_START]
    assert all(" images" in line for line in lines)  # none where the run is quick
    assert "6 images" in out
    assert str(tmp_path / "out" / RECORDS / "manifest.jsonl") in out


@pytest.mark.parametrize("kept", [True, False])
def test_a_first_start_says_why_nothing_moves(kept, root, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("maskgen.apply.kernels_are_kept", lambda: kept)
    assert apply("--root", root, "--out", tmp_path / "out", "--limit", 1) == 0
    assert (FIRST_START in capsys.readouterr().err) is not kept


def test_kernels_are_kept_once_they_ran(root, tmp_path):
    assert apply("--root", root, "--out", tmp_path / "out", "--limit", 1, "-q") == 0
    assert kernels_are_kept()


def test_the_twin_of_a_linked_dataset_lies_beside_the_link(root, tmp_path):
    link = tmp_path / "links" / "AFLW2000"
    link.parent.mkdir()
    link.symlink_to(root)
    assert apply("--root", link, "--limit", 1, "-q") == 0
    assert len(list((link.parent / "AFLW2000_masked").glob("*.jpg"))) == 1
    assert not root.with_name("AFLW2000_masked").exists()


def test_no_landmark_source_at_all_is_a_wrong_call(root, tmp_path, capsys):
    assert apply("--root", root, "--out", tmp_path / "out", "--landmarks", " ,") == 2
    assert "native, projected, files:FOLDER and detect" in one_line(capsys)
    assert not (tmp_path / "out").exists()


def test_quiet_prints_nothing(root, tmp_path, capsys):
    assert apply("--root", root, "--out", tmp_path / "out", "-q", "--limit", 1) == 0
    assert capsys.readouterr() == ("", "")


def test_the_dataset_and_the_output_follow_from_the_current_folder(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    assert apply("--limit", 2) == 0
    assert len(list(root.with_name("AFLW2000_masked").glob("*.jpg"))) == 2


def test_a_recipe_file_is_used_and_options_win(root, tmp_path):
    (tmp_path / "r.toml").write_text('seed = 5\nstyles = ["surgical"]\nsave = ["alpha"]\n')
    assert apply("--root", root, "--out", tmp_path / "out", "--recipe", tmp_path / "r.toml", "--seed", 6) == 0
    run_json = json.loads((tmp_path / "out" / RECORDS / "run.json").read_text())
    assert run_json["recipe"]["seed"] == 6
    assert run_json["recipe"]["styles"].keys() == {"surgical"}
    assert (tmp_path / "out" / RECORDS / "alpha").is_dir()


def test_a_dry_run_writes_nothing(root, tmp_path, capsys):
    assert apply("--root", root, "--out", tmp_path / "new" / "out", "--dry-run", "--share", 0.5) == 0
    out = capsys.readouterr().out
    assert "6 images" in out
    assert "nothing was written" in out
    assert "style:" in out
    assert not (tmp_path / "new").exists()


def test_more_failures_than_allowed_is_code_1_and_says_so(root, tmp_path, capsys):
    (root / "image00004.jpg").write_bytes(b"")
    assert apply("--root", root, "--out", tmp_path / "one") == 1
    out, err = capsys.readouterr()
    assert err == "Error: 1 of 6 images failed, --max-failures is 0\n"
    assert "image00004: image: image00004.jpg: the file is empty" in out
    assert apply("--root", root, "--out", tmp_path / "two", "--max-failures", "1") == 0
    assert apply("--root", root, "--out", tmp_path / "three", "--max-failures", "20%") == 0
    assert apply("--root", root, "--out", tmp_path / "four", "--max-failures", "10%") == 1


def test_an_existing_output_is_refused_then_resumed_then_overwritten(root, tmp_path, capsys):
    out = tmp_path / "out"
    assert apply("--root", root, "--out", out) == 0
    capsys.readouterr()
    assert apply("--root", root, "--out", out) == 2
    assert "--resume" in one_line(capsys)
    assert apply("--root", root, "--out", out, "--resume") == 0
    assert "6 were already there" in capsys.readouterr().out
    assert apply("--root", root, "--out", out, "--resume", "--seed", 1) == 2
    assert "other options (seed)" in one_line(capsys)
    assert apply("--root", root, "--out", out, "--overwrite", "--seed", 1) == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--root", "{root}/nothing"], "no such folder"),
        (["--dataset", "CIFAR", "--root", "{root}"], "unknown dataset 'CIFAR'"),
        (["--dataset", "BIWI", "--root", "{root}"], "holds no BIWI files"),
        (["--root", "{root}", "--out", "{root}/masked"], "inside the input"),
        (["--root", "{root}", "--out", "{root}"], "is the input itself"),
        (["--root", "{root}", "--out", "{root}/.."], "holds the input"),
        (["--root", "{root}", "--out", "{tmp}/mine"], "not an earlier output"),
        (["--root", "{root}", "--out", "{tmp}/mine", "--overwrite"], "not an earlier output"),
        (
            ["--root", "{root}", "--out", "{tmp}/x", "--control", "{tmp}/x/y"],
            "lies inside the output {tmp}/x",
        ),
        (["--root", "{root}", "--out", "{tmp}/x", "--control", "{tmp}/x"], "is the output itself"),
        (["--root", "{root}", "--out", "{tmp}/x", "--control", "{root}"], "--control"),
        (["--root", "{root}", "--out", "{tmp}/x", "--control", "{tmp}/mine"], "not an earlier output"),
        (["--root", "{root}", "--styles", "surgicl"], "did you mean 'surgical'"),
        (["--root", "{root}", "--colors", "blu"], "did you mean 'blue'"),
        (["--root", "{root}", "--colors", "#12345678"], "--colors: '#12345678' is no colour"),
        (["--root", "{root}", "--share", "2"], "--share must be a number from 0 to 1"),
        (["--root", "{root}", "--skew-deg", "-1"], "--skew-deg must be"),
        (["--root", "{root}", "--strict", "nan"], "from 0 to 1"),
        (["--root", "{root}", "--fabric-share", "0.5"], "--fabrics"),
        (["--root", "{root}", "--weights", "{tmp}"], "detect"),
        (["--root", "{root}", "--out", "{tmp}/mine", "--dry-run"], "not an earlier output"),
        (["--root", "{root}", "--out", "{root}/masked", "--dry-run"], "inside the input"),
        (["--root", "{root}", "--landmarks", "guess", "--dry-run"], "guess"),
        (["--root", "{tmp}/mine"], "(300W-LP, AFLW2000, BIWI)"),
        (["--root", "{root}", "--save", "everything"], "accepted: alpha"),
        (["--root", "{root}", "--recipe", "{tmp}/none.toml"], "cannot be read"),
        (["--root", "{root}", "--templates", "{tmp}/none"], "no such folder"),
        (["--root", "{root}", "--templates", "{tmp}/mine"], "holds no style and no fabric"),
        (["--root", "{root}", "--fabrics", "tartan_of_nowhere"], "tartan_of_nowhere"),
        (["--root", "{root}", "--fabrics", "gigham"], "did you mean 'gingham'"),
        (["--root", "{root}", "--fabrics", "{tmp}/mine/dear.txt"], "not a readable picture"),
        (["--root", "{root}", "--landmarks", "guess"], "guess"),
        (["--root", "{root}", "--jobs", "100000"], "cores"),
        (["--root", "{root}", "--resume", "--overwrite"], "exclude each other"),
    ],
)
def test_a_wrong_call_is_one_line_and_code_2_and_writes_nothing(args, words, root, tmp_path, capsys):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "dear.txt").write_text("dear")
    filled = [part.format(root=root, tmp=tmp_path) for part in args]
    if "--out" not in filled:
        filled += ["--out", str(tmp_path / "out")]
    before = sorted(tmp_path.rglob("*"))
    assert apply(*filled) == 2
    assert words.format(tmp=tmp_path) in one_line(capsys)
    assert sorted(tmp_path.rglob("*")) == before


def test_nothing_found_says_where_it_was_looked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MASKGEN_DATA", raising=False)
    assert apply("--dataset", "BIWI") == 2
    assert "MASKGEN_DATA" in one_line(capsys)
    assert apply() == 2
    assert "no dataset recognised in the current folder" in one_line(capsys)


@pytest.mark.parametrize("wrong", [b"hello", RGBA])
def test_a_style_whose_pictures_cannot_be_used_is_found_out_once_and_not_in_every_picture(
    wrong, root, tmp_path, capsys
):
    shipped = Templates().catalogue().style("surgical").folder
    style = tmp_path / "own" / "market"
    style.mkdir(parents=True)
    (style / "mask.toml").write_bytes((shipped / "mask.toml").read_bytes())
    (style / "albedo.png").write_bytes(wrong)
    words = ("--root", root, "--out", tmp_path / "out", "--templates", tmp_path / "own")
    assert apply(*words, "--styles", "market") == 2
    assert "albedo.png" in one_line(capsys)
    assert not (tmp_path / "out").exists()
    assert apply(*words, "--styles", "surgical", "--limit", 1, "-q") == 0


def test_masks_on_top_of_masks_are_warned_of(root, tmp_path, capsys):
    once, control = tmp_path / "once", tmp_path / "control"
    assert apply("--root", root, "--out", once, "--control", control, "--limit", 1) == 0
    assert apply("--root", control, "--out", tmp_path / "clean") == 0
    assert ON_TOP not in capsys.readouterr().err
    assert apply("--root", once, "--out", tmp_path / "twice") == 0
    assert f"Warning: {once} is an output of maskgen apply: {ON_TOP}" in capsys.readouterr().err
