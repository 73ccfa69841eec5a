"""The maskgen command: a group that finds its subcommands in this folder and imports only the one called.

A subcommand is one file here with a click command named ``command``; its name is the file's, its line in the
help is the first sentence of the file's docstring. Nothing is registered anywhere else.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import sys
from pathlib import Path

import click

from .. import __version__
from ..command_line import run
from ..interrupt import ending_like_ctrl_c, leaving_at_once

_HERE = Path(__file__).parent
#: modules of this folder that are no subcommand
_OTHERS = {"__init__", "main", "options"}


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


def main() -> None:
    """Entry point of the ``maskgen`` console script."""
    ending_like_ctrl_c()
    sys.exit(run(command, sys.argv[1:] or ["--help"]))
