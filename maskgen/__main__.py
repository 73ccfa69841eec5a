"""``python -m maskgen``: the maskgen command."""

from .cli.main import main

main()
