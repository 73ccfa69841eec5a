"""maskgen synth at the command line: what it refuses, and how."""

from __future__ import annotations

import pytest

from maskgen.cli.main import command, run


def synth(*args: object) -> int:
    return run(command, ["synth", *map(str, args)])


def complaint(capsys) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return err


def test_unknown_layout_names_the_known_ones(tmp_path, capsys):
    assert synth("--like", "WIDER", "--out", tmp_path / "x", "-n", 2) == 2
    assert "300W-LP, AFLW2000, BIWI" in complaint(capsys)


@pytest.mark.parametrize("count", [0, -3])
def test_nothing_to_make_is_refused(tmp_path, capsys, count):
    assert synth("--like", "BIWI", "--out", tmp_path / "x", "-n", count) == 2
    assert "1 or more" in complaint(capsys)
    assert not (tmp_path / "x").exists()


def test_an_earlier_output_is_replaced_by_overwrite_alone(tmp_path, capsys):
    assert synth("--like", "AFLW2000", "--out", tmp_path / "x", "-n", 1, "--no-detail", "--quiet") == 0
    assert synth("--like", "AFLW2000", "--out", tmp_path / "x", "-n", 1) == 2
    said = complaint(capsys)
    assert "use --overwrite to start anew" in said
    assert "--resume" not in said


@pytest.mark.parametrize(
    ("held", "words"), [("thesis.txt", "holds other things (thesis.txt)"), (None, "is a file")]
)
def test_the_demo_keeps_away_from_what_is_not_its_own(tmp_path, capsys, held, words):
    place = tmp_path / "x"
    if held is None:
        place.write_text("mine")
    else:
        place.mkdir()
        (place / held).write_text("mine")
    assert run(command, ["demo", "--out", str(place), "--overwrite"]) == 2
    assert words in complaint(capsys)
    assert place.is_file() or [path.name for path in place.iterdir()] == [held]


def test_an_existing_output_is_left_alone(tmp_path, capsys):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "thesis.txt").write_text("mine")
    assert synth("--like", "AFLW2000", "--out", tmp_path / "x", "-n", 1) == 2
    assert "not empty" in complaint(capsys)
    assert (tmp_path / "x" / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("row", ["10,20", "a,b,c", "10,20,nan", "1,2,400", "1,2,3,4"])
def test_a_wrong_row_of_a_pose_file_is_named(tmp_path, capsys, row):
    (tmp_path / "poses.txt").write_text(f"0,0,0\n{row}\n")
    code = synth("--like", "AFLW2000", "--out", tmp_path / "x", "-n", 1, "--poses", tmp_path / "poses.txt")
    assert code == 2
    assert "line 2" in complaint(capsys)


def test_a_missing_or_empty_pose_file_is_named(tmp_path, capsys):
    assert synth("--like", "BIWI", "--out", tmp_path / "x", "-n", 1, "--poses", tmp_path / "none.txt") == 2
    assert "none.txt" in complaint(capsys)
    (tmp_path / "empty.txt").write_text("# nothing\n")
    assert synth("--like", "BIWI", "--out", tmp_path / "x", "-n", 1, "--poses", tmp_path / "empty.txt") == 2
    assert "holds no pose" in complaint(capsys)


def test_an_unknown_mask_style_is_named(tmp_path, capsys):
    args = ("--like", "BIWI", "--out", tmp_path / "x", "-n", 1, "--masked", "truth", "--styles", "plague")
    assert synth(*args) == 2
    assert "plague" in complaint(capsys)


def test_a_run_says_where_the_heads_are(tmp_path, capsys):
    assert synth("--like", "aflw2000", "--out", tmp_path / "x", "-n", 1, "--no-detail") == 0
    assert str(tmp_path / "x") in capsys.readouterr().out
    assert len(list((tmp_path / "x").glob("image*.jpg"))) == 1
