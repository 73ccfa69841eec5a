"""``python -m maskgen`` and the console script: the maskgen command."""

from .interrupt import leaving_at_once


def main() -> None:
    """Run the command line; Ctrl-C is answered in one line while it is still being imported."""
    with leaving_at_once():
        from .cli.main import main as command_line
    command_line()


if __name__ == "__main__":
    main()
