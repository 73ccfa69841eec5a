"""The maskgen command: a group that finds its subcommands in this folder and imports only the one called.

A subcommand is one file here with a click command named ``command``; its name is the file's, its line in the
help is the first sentence of the file's docstring. Nothing is registered anywhere else.
"""

from __future__ import annotations

import ast
import difflib
import errno
import importlib
import os
import signal
import sys
from pathlib import Path

import click

from .. import __version__
from ..errors import MaskgenError, UsageError
from ..interrupt import HANG_UP, INTERRUPTED, leaving_at_once

_HERE = Path(__file__).parent
#: modules of this folder that are no subcommand
_OTHERS = {"__init__", "main", "options"}
#: optional libraries, as they are imported, and the extra that brings each
_EXTRAS = {
    **dict.fromkeys(("torch", "yaml"), "train"),
    **dict.fromkeys(("onnx", "onnxruntime"), "onnx"),
    "face_alignment": "detect",
    "matplotlib": "plot",
    "h5py": "keras-weights",
    "jpeglib": "dct",
    "pyarrow": "parquet",
    "zstandard": "zstd",
    "mlcroissant": "croissant",
}


class LazyGroup(click.Group):
    """A group whose help costs no import of what its commands need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the files in this folder."""
        names = (path.stem for path in _HERE.glob("*.py"))
        return sorted(name.replace("_", "-") for name in names if name not in _OTHERS and name[0] != "_")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return its ``command``."""
        if cmd_name not in self.list_commands(ctx):
            return None
        with leaving_at_once():
            module = importlib.import_module(f"{__package__}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a guess at what a mistyped command was meant to be."""
        names = self.list_commands(ctx)
        if args and not args[0].startswith("-") and args[0] not in names:
            close = difflib.get_close_matches(args[0], names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"commands: {', '.join(names)}"
            raise click.UsageError(f"no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the first sentence of their files."""
        rows = [(name, _first_sentence(name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _first_sentence(name: str) -> str:
    """The first sentence of a command file's docstring, without the "maskgen NAME:" it may begin with."""
    text = (_HERE / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    # the docstring stands alone at the top: parse up to its end, not the whole file
    head = text.split('"""', 2)
    doc = ast.literal_eval(f'"""{head[1]}"""') if len(head) == 3 and not head[0].strip() else ""
    line = " ".join(doc.strip().split("\n\n")[0].split()).removeprefix(f"maskgen {name}:").strip()
    sentence = line.split(". ")[0].rstrip(".")
    return sentence[:1].upper() + sentence[1:]


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="maskgen")
def command() -> None:
    """Masked twins of head-pose datasets, with exact labels and honest evaluation.

    From the copy of 300W-LP, AFLW2000 or BIWI that you hold, `maskgen apply` makes the masked twin: same
    layout, same file names, same labels. `maskgen COMMAND --help` explains a command.
    """


def run(group: click.Command, args: list[str] | None = None, prog: str = "maskgen") -> int:
    """Run a click command the project's way and return the exit code.

    What the user did wrong is one line on stderr: code 2 for a wrong call, 1 for a job that failed, 130 for
    Ctrl-C. An error that nobody foresaw is one line, too; MASKGEN_DEBUG=1 shows its traceback.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")  # what is wrong is said once, by this program
    try:
        result = group.main(args=args, prog_name=prog, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        return _complain(_choice(error), 2)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx is not None else prog
        return _complain(f"{_one_line(error.format_message())} (see {where} --help)", 2)
    except click.ClickException as error:
        return _complain(_one_line(error.format_message()), 2)
    except (KeyboardInterrupt, click.Abort):
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # the reader of our output left (`maskgen ... | head`); Python must not complain about it at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except UsageError as error:
        return _complain(str(error), 2)
    except MaskgenError as error:
        return _complain(str(error), 1)
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            return _unforeseen(error)
        install = f"pip install 'maskgen[{_EXTRAS[error.name]}]'"
        return _complain(f"this needs {error.name}, which is not installed: {install}", 2)
    except OSError as error:
        if error.filename is None and error.errno in _FULL:
            return _complain(f"what this prints cannot be written to stdout: {error.strerror}", 1)
        return _unforeseen(error) if error.filename is None else _no_such_file(error)
    except Exception as error:
        return _unforeseen(error)
    return result if isinstance(result, int) else 0


#: what a disk says that takes no more of what is printed or written
_FULL = {errno.ENOSPC, errno.EDQUOT}
#: what a path that was mistyped, or may not be used, makes the system say; all else is the machine's fault
_WRONG_PATH = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENAMETOOLONG,
    errno.ELOOP,
}


def _no_such_file(error: OSError) -> int:
    """A file or folder that an option names cannot be used: the path is wrong (2), or the disk is (1)."""
    if os.environ.get("MASKGEN_DEBUG"):
        raise error
    code = 2 if error.errno in _WRONG_PATH else 1
    return _complain(_one_line(f"{os.fsdecode(error.filename)}: {error.strerror or error}"), code)


def _choice(error: click.UsageError) -> str:
    """What a group of commands may be followed by, where nothing follows it."""
    assert error.ctx is not None
    group, path = error.ctx.command, error.ctx.command_path
    names = group.list_commands(error.ctx) if isinstance(group, click.Group) else []
    return f"{path} what? commands: {', '.join(names)} (see {path} --help)"


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _unforeseen(error: Exception) -> int:
    if os.environ.get("MASKGEN_DEBUG"):
        raise error
    kind = type(error).__name__
    return _complain(_one_line(f"unexpected {kind}: {error} (MASKGEN_DEBUG=1 shows where; please report)"), 1)


def _complain(message: str, code: int) -> int:
    # one line, whatever a path in it holds
    click.echo(f"Error: {' '.join(message.splitlines())}", err=True)
    return code


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Entry point of the ``maskgen`` console script."""
    # a scheduler's polite request, or a terminal that closes, ends like Ctrl-C: files whole, output resumable
    signal.signal(signal.SIGTERM, _stop)
    for hang_up in HANG_UP:
        if signal.getsignal(hang_up) is signal.SIG_DFL:  # nohup ignores it
            signal.signal(hang_up, _stop)
    sys.exit(run(command, sys.argv[1:] or ["--help"]))
