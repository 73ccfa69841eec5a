"""The command line as a whole: instant help, one line for every mistake, the promised exit codes."""

from __future__ import annotations

import errno
from pathlib import Path

import click
import pytest

import maskgen.cli
from maskgen import __version__
from maskgen.cli.main import command, run
from maskgen.cli.options import Limit
from maskgen.errors import LabelError, MaskgenError, UsageError

FOLDER = Path(maskgen.cli.__file__).parent
NAMES = sorted(
    path.stem.replace("_", "-")
    for path in FOLDER.glob("*.py")
    if path.stem not in ("__init__", "main", "options") and not path.stem.startswith("_")
)


def test_every_file_is_a_command_with_a_sentence_of_help(capsys):
    assert run(command, ["--help"]) == 0
    text = capsys.readouterr().out
    assert {"apply", "datasets", "doctor", "inspect", "styles"} <= set(NAMES)
    for name in NAMES:
        line = next(line for line in text.splitlines() if line.startswith(f"  {name} "))
        assert len(line.split(None, 1)[1]) > 10, f"{name} has no docstring to show"


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help(name, capsys):
    assert run(command, [name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: maskgen {name}")


def test_the_version_is_told(capsys):
    assert run(command, ["--version"]) == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["aply"], "did you mean 'apply'"),
        (["frobnicate"], "commands: apply"),
        (["apply", "--sytles", "x"], "--styles"),
        (["apply", "--seed", "x"], "--seed"),
        (["apply", "--jobs", "two"], "--jobs"),
        (["apply", "--on-fail", "explode"], "leave"),
        (["apply", "--max-failures", "lots"], "0.5%"),
        (["apply", "--strict", "7"], "--strict"),
        (["apply", "extra"], "extra"),
        (["apply", "--out"], "--out"),
        (["apply", "--jobs", "-1"], "--jobs"),
        (["apply", "--strict", "nan"], "'nan' is no number from 0 to 1"),
        (["bench"], "commands: painter"),
        (["bench", "painter", "--out", "."], "name a file for --out"),
        (["bench", "painter", "--sheet", "x.gif"], "a sheet is a .png"),
        (["sheet", "nowhere", "--out", "x.gif"], "a sheet is a .png"),
        (["compare", "compare/quick", "--max-gap", "nan"], "'nan' is no number"),
        (["demo", "--jobs", "-1"], "--jobs"),
        (["package", ".", "--out", "x", "--jobs", "-1"], "--jobs"),
        (["rebuild", ".", "--jobs", "-1"], "--jobs"),
        (["styles", "--json", "--sheet", "x.png"], "give one of them"),
        (["synth", "--like", "AFLW2000", "--out", "x", "-n", "100000"], "99,999 pictures at most"),
        (["synth", "--like", "300W-LP", "--out", "x", "-n", "999999999"], "1,000,000 pictures at most"),
        (["synth", "--like", "BIWI", "--out", "x", "-n", "3", "--styles", "n95"], "add --masked truth"),
        (["validate", "--min-quality", "nan"], "'nan' is no number"),
        (["validate", "--max-gap", "1"], "give --model"),
        (["validate", "--json", "."], "name a file for the report"),
        (["validate", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_a_mistyped_call_is_one_line_and_code_2(args, message, capsys):
    assert run(command, args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("Error: ")
    assert message in err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UsageError("no such style"), 2, "no such style"),
        (UsageError("a\nb: no such folder"), 2, "a b: no such folder"),
        (MaskgenError("disk is full"), 1, "disk is full"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "cannot be written to stdout: No space left"),
        (LabelError("bad label"), 1, "bad label"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.ClickException("several\nlines"), 2, "several lines"),
        (ModuleNotFoundError("no", name="torch"), 2, "pip install 'maskgen[train]'"),
        (ModuleNotFoundError("no module x", name="x"), 1, "unexpected ModuleNotFoundError"),
        (ZeroDivisionError("oh\nno"), 1, "unexpected ZeroDivisionError: oh no"),
        (
            NotADirectoryError(errno.ENOTDIR, "Not a directory", "file/x.png"),
            2,
            "file/x.png: Not a directory",
        ),
        (OSError(errno.ENOSPC, "No space left on device", "x.png"), 1, "x.png: No space left on device"),
        (OSError("of no file"), 1, "unexpected OSError: of no file"),
    ],
)
def test_every_end_has_its_exit_code_and_one_line(error, code, words, capsys, monkeypatch):
    monkeypatch.delenv("MASKGEN_DEBUG", raising=False)

    @click.command()
    def fails() -> None:
        raise error

    assert run(fails, []) == code
    err = capsys.readouterr().err.lstrip("\n")  # click ends the line under way before it reports Ctrl-C
    assert err.count("\n") == 1
    assert words in err


def test_debugging_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("MASKGEN_DEBUG", "1")

    @click.command()
    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(fails, [])


def test_a_command_returns_its_exit_code():
    @click.command()
    def three() -> int:
        return 3

    assert run(three, []) == 3


@pytest.mark.parametrize(
    ("text", "total", "most"), [("0", 100, 0), ("3", 100, 3), ("0.5%", 1000, 5), ("100%", 7, 7), ("0%", 9, 0)]
)
def test_limits_are_counts_or_shares(text, total, most):
    assert Limit().convert(text, None, None)(total) == most


@pytest.mark.parametrize("text", ["-1", "1.5", "101%", "x", "", "nan", "inf", "%"])
def test_other_limits_are_refused(text):
    with pytest.raises(click.BadParameter):
        Limit().convert(text, None, None)
