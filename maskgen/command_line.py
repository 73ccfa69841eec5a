"""A command line's errors: one line on stderr each, and an exit code that says whose fault it was."""

from __future__ import annotations

import errno
import os
import sys

import click

from .errors import MaskgenError, UsageError
from .interrupt import INTERRUPTED

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


def run(
    command: click.Command,
    args: list[str] | None = None,
    prog: str = "maskgen",
    interrupted: str = "interrupted",
) -> int:
    """Run a click command the project's way and return the exit code.

    What the user did wrong is one line on stderr: code 2 for a wrong call, 1 for a job that failed, 130 for
    Ctrl-C, which is answered with ``interrupted``. An error that nobody foresaw is one line, too;
    MASKGEN_DEBUG=1 shows its traceback.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")  # what is wrong is said once, by this program
    try:
        result = command.main(args=args, prog_name=prog, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        return _complain(_choice(error), 2)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx is not None else prog
        return _complain(f"{_one_line(error.format_message())} (see {where} --help)", 2)
    except click.ClickException as error:
        return _complain(_one_line(error.format_message()), 2)
    except (KeyboardInterrupt, click.Abort):
        return _complain(interrupted, INTERRUPTED)
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


def too_many_failed(failed: int, total: int, allowed: int) -> int:
    """The exit code of a batch: 1, and one line that says so, where more failed than was allowed."""
    if failed <= allowed:
        return 0
    return _complain(f"{failed} of {total} images failed, --max-failures is {allowed}", 1)
