"""README and docs/ say what is true: links, commands, options, recipes and imports exist."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from maskgen.apply_one import Templates
from maskgen.cli.main import LazyGroup
from maskgen.recipe import Recipe
from rotaug.cli import command as rotaug

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    ROOT / "benchmarks/README.md",
]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[str]:
    """Code blocks of a page: indented by four spaces after an empty line, or fenced; dedented."""
    text = page.read_text(encoding="utf-8")
    for fenced in re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M):
        yield textwrap.dedent(fenced)
    for indented in re.findall(r"(?:\A|\n\n)((?:    .*\n(?:\n(?=    ))?)+)", text):
        yield textwrap.dedent(indented)


def calls() -> Iterator[tuple[str, list[str]]]:
    """Every call of maskgen or rotaug that a page shows in a block or between back ticks: page and words."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        lines = [line for block in blocks(page) for line in block.replace("\\\n", " ").splitlines()]
        lines += [" ".join(code.split()) for code in re.findall(r"`((?:maskgen|rotaug) [^`]+)`", text)]
        for line in lines:
            found = re.match(r"(?:\$ )?(?:cd \S+ && )?(?:python -m )?((?:maskgen|rotaug) .*)", line)
            if found:
                code = re.split(r"\s+#|\s{3,}|\s->\s", found[1])[0]
                yield name_of(page), shlex.split(re.sub(r"[\[\]]|\.\.\.", " ", code))


CALLS = sorted({(page, tuple(words)) for page, words in calls()})


def test_the_pages_are_read():
    assert len(CALLS) > 60
    assert {words[1] for _, words in CALLS if words[0] == "maskgen"} > {
        "apply",
        "validate",
        "package",
        "train",
    }


@pytest.mark.parametrize(
    ("page", "words"), CALLS, ids=lambda value: value if isinstance(value, str) else value[1]
)
def test_a_documented_call_has_a_command_and_options_that_exist(page, words):
    program, *args = words
    command: click.Command | None = rotaug
    if program == "maskgen":
        if args[0] in ("COMMAND", "--help"):
            return
        command = LazyGroup("maskgen").get_command(click.Context(click.Command("maskgen")), args.pop(0))
        if isinstance(command, click.Group) and args:  # a family of commands, such as bench
            command = command.get_command(click.Context(command), args.pop(0))
    assert command is not None, f"{page}: no command {words[1]!r}"
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    known |= {"--help"}
    for word in args:
        if word.startswith("--"):
            assert word.split("=")[0].rstrip(",;") in known, f"{page}: {' '.join(words)}: no option {word}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        place = target.partition("#")[0]
        if not place or "://" in place:
            continue
        file = (page.parent / place).resolve()
        assert file.exists(), f"{name_of(page)} links {target}"


def test_the_documented_recipe_is_one():
    block = next(block for block in blocks(ROOT / "docs/apply.md") if block.startswith("# masks.toml"))
    text = block.partition("\n\n")[0]
    recipe = Recipe().updated(tomllib.loads(text)).resolved(Templates().catalogue())
    assert recipe.seed == 7
    assert set(tomllib.loads(text)) == set(Recipe().as_dict()) - {"choices"}, "a key of the recipe is missing"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_documented_python_parses_and_imports_what_there_is(page):
    for block in blocks(page):
        if not re.search(r"^(?:from|import) ", block, re.M) or block.lstrip().startswith("$"):
            continue
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in (
                "maskgen",
                "rotaug",
            ):
                module = importlib.import_module(node.module or "")
                for alias in node.names:
                    assert hasattr(module, alias.name), f"{name_of(page)}: {node.module} has no {alias.name}"


def test_the_front_page_is_short_and_its_pictures_small():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
    for picture in (ROOT / "docs/images").iterdir():
        assert picture.stat().st_size < 400_000, picture.name


def test_every_command_is_in_the_list_of_commands():
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    names = LazyGroup("maskgen").list_commands(click.Context(click.Command("maskgen")))
    missing = [name for name in names if f"`maskgen {name}" not in text and f"maskgen {name} " not in text]
    assert not missing, f"docs/cli.md does not name {', '.join(missing)}"
