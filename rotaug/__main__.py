"""``python -m rotaug`` and the console script: the rotaug command."""

from maskgen.interrupt import leaving_at_once


def main() -> None:
    """Run the command line; Ctrl-C is answered in one line while it is still being imported."""
    with leaving_at_once():
        from .cli import main as command_line
    command_line()


if __name__ == "__main__":
    main()
