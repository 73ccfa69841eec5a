"""Recipe: what may be drawn, with which weights; draw: what is drawn for one picture.

A recipe comes from a TOML file, from options, or from both (options win):

    seed = 7
    share = 0.5                              # of the pictures; the others stay unmasked
    styles = { surgical = 3, n95 = 1 }       # or ["surgical", "n95"], or "all"
    colors = ["white", "#88aacc"]            # or "own": the colours each style comes with
    fabrics = ["gingham", "dots"]
    fabric_share = 0.3                       # of the masks wear one of `fabrics`
    fabric_weight = [0.6, 1.0]               # how strongly the fabric's pattern shows
    wear = { correct = 8, under_nose = 1, under_chin = 1 }
    skew_deg = 2.0                           # spread of the mask's roll on the face, drawn in whole degrees
    save = ["segmentation"]
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from .errors import UsageError
from .io.files import read_given
from .jobs.streams import Streams
from .masks.spec import WEARS, MaskDraw, MaskSpec

#: what can be written beside the pictures
SAVES = ("alpha", "segmentation", "touched", "landmarks")
#: word for "every style of the catalogue" and for "the colours a style comes with"
ALL, OWN = "all", "own"
#: where the values of a command line come from
OPTIONS = "options"
#: no mask sits further askew than so many standard deviations
_SKEW_LIMIT = 2.5

Weights = Mapping[str, float]


class StyleSource(Protocol):
    """What a recipe needs of the catalogue."""

    def names(self) -> tuple[str, ...]:
        """All styles."""

    def spec(self, name: str) -> MaskSpec:
        """A style: its weight, colours, ways of wear, and whether fabrics may be laid on."""

    def fabric(self, name: str) -> Any:
        """A fabric. Raises UsageError for a name that is none."""


@dataclass(frozen=True)
class StyleChoices:
    """What a recipe leaves to one style: colours and wear with weights, and whether it takes fabrics."""

    colors: Weights
    wear: Weights
    printable: bool


@dataclass(frozen=True)
class Recipe:
    """All choices that decide what is drawn, as plain values; the module's text explains each.

    choices: set by `resolved`, by style.
    """

    seed: int = 0
    share: float = 1.0
    styles: Weights = field(default_factory=lambda: {ALL: 1.0})
    colors: Weights = field(default_factory=lambda: {OWN: 1.0})
    fabrics: Weights = field(default_factory=dict)
    fabric_share: float = 1.0
    fabric_weight: tuple[float, float] = (1.0, 1.0)
    wear: Weights = field(default_factory=lambda: {"correct": 1.0})
    skew_deg: float = 1.5
    save: tuple[str, ...] = ()
    choices: Mapping[str, StyleChoices] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain dictionary, in field order."""
        return asdict(self)

    def updated(self, values: Mapping[str, Any], where: str = "recipe") -> Recipe:
        """A recipe with some values replaced, each checked.

        where: how to call the source of the values in messages; OPTIONS names each as it is typed. Raises
        UsageError: which key is wrong, what was expected, and the nearest valid name.
        """
        checked = {}
        for key, value in values.items():
            if key not in _CHECKS:
                raise UsageError(f"{where}: unknown key {key!r}{nearest(key, _CHECKS)}")
            typed = f"--{key.replace('_', '-')}"
            checked[key] = _CHECKS[key](value, typed if where == OPTIONS else f"{where}: {key!r}")
        return replace(self, **checked)

    def resolved(self, catalogue: StyleSource) -> Recipe:
        """The recipe with "all" and "own" spelled out and every name checked.

        Raises UsageError for a style or fabric that is not there, for a named style that cannot be worn as
        asked, and for fabrics where no style takes any.
        """
        known = catalogue.names()
        for name in self.styles:
            if name != ALL and name not in known:
                raise UsageError(f"no mask style {name!r}{nearest(name, known)}")
        for name in self.fabrics:
            catalogue.fabric(name)
        styles: dict[str, float] = {}
        for style in known:
            weight = self.styles.get(style, 0.0) + self.styles.get(ALL, 0.0) * catalogue.spec(style).weight
            if weight > 0:
                styles[style] = weight
        choices = {style: self._choices(catalogue.spec(style)) for style in styles}
        for style in [style for style in styles if not choices[style].wear]:
            if style in self.styles:
                spec = catalogue.spec(style)
                raise UsageError(
                    f"style {style!r} is worn {', '.join(spec.wears)} only, not {_list(self.wear)}; "
                    "leave it out, or add a wear that suits it"
                )
            del styles[style], choices[style]
        if not styles:
            raise UsageError(f"no mask style can be worn {_list(self.wear)}")
        if self.fabrics and not any(choice.printable for choice in choices.values()):
            raise UsageError(f"none of the styles {_list(styles)} takes a fabric; leave --fabrics out")
        return replace(self, styles=styles, choices=choices)

    def _choices(self, spec: MaskSpec) -> StyleChoices:
        colors: dict[str, float] = {}
        for name, weight in self.colors.items():
            for color, part in spec.material.colors if name == OWN else ((name, 1.0),):
                colors[color.lower()] = colors.get(color.lower(), 0.0) + weight * part
        wear = {name: weight for name, weight in self.wear.items() if name in spec.wears}
        return StyleChoices(dict(sorted(colors.items())), wear, spec.material.printable)


def load_recipe(path: Path, base: Recipe | None = None) -> Recipe:
    """Read a recipe from a TOML file. Raises UsageError, naming the file, and the line or the key."""
    try:
        values = tomllib.loads(read_given(path))
    except OSError as error:
        raise UsageError(f"recipe {path}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"recipe {path}: not UTF-8 text ({error.reason})") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"recipe {path}: not valid TOML: {error}") from error
    return (base or Recipe()).updated(values, where=f"recipe {path}")


def draw(recipe: Recipe, sample_id: str) -> MaskDraw | None:
    """What the picture ``sample_id`` wears by a resolved recipe, or None where it stays unmasked.

    Depends on the seed and the id alone. Every decision has its own stream: a colour that is added changes no
    style, and a style that is added changes only the pictures that now wear it.
    """
    streams = Streams(recipe.seed, sample_id)
    if streams.uniform("share") >= recipe.share:
        return None
    style = streams.choice("style", recipe.styles)
    choices = recipe.choices[style]
    fabric, strength = None, 1.0
    if choices.printable and recipe.fabrics and streams.uniform("fabric_share") < recipe.fabric_share:
        fabric = streams.choice("fabric", recipe.fabrics)
        strength = round(streams.uniform("fabric_weight", *recipe.fabric_weight), 3)
    skew = max(-_SKEW_LIMIT, min(_SKEW_LIMIT, streams.normal("skew"))) * recipe.skew_deg
    return MaskDraw(
        style=style,
        color=streams.choice("color", choices.colors),
        fabric=fabric,
        fabric_weight=strength,
        wear=streams.choice("wear", choices.wear),
        # whole degrees: finer ones cannot be seen, and the painter builds a shell for each; 0.0, never -0.0
        skew_deg=round(skew, 0) + 0.0,
        seed=streams.integer("painter"),
    )


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def parse_weights(text: str, where: str) -> dict[str, float]:
    """Options' spelling of weights: "a,b" or "a:3,b:1". Raises UsageError."""
    found: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, weight = part.partition(":")
        try:
            found[name.strip()] = float(weight) if weight else 1.0
        except ValueError:
            raise UsageError(f"{where}: weight of {name!r} must be a number, got {weight!r}") from None
    return found


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest valid one, or all of them."""
    names = list(known)
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    accepted = f"accepted: {', '.join(names)}" if names else "there is none"
    return f"; did you mean {close[0]!r}? ({accepted})" if close else f"; {accepted}"


def _whole(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise UsageError(f"{where} must be a whole number from 0 to 2^63 - 1, got {value!r}")
    return value


def _number(low: float, high: float) -> Callable[[Any, str], float]:
    def check(value: Any, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise UsageError(f"{where} must be a number from {low:g} to {high:g}, got {value!r}")
        return float(value)

    return check


def _range(value: Any, where: str) -> tuple[float, float]:
    pair = value if isinstance(value, list | tuple) else [value, value]
    if len(pair) != 2:
        raise UsageError(f"{where} must be a number from 0 to 1 or a pair [low, high], got {value!r}")
    low, high = (_number(0, 1)(item, where) for item in pair)
    if low > high:
        raise UsageError(f"{where}: {low:g} is above {high:g}; write the lower number first")
    return low, high


def _weights(
    accept: Callable[[str, str], str] = lambda name, where: name, *, empty: bool = False
) -> Callable[[Any, str], Weights]:
    def check(value: Any, where: str) -> Weights:
        if isinstance(value, str):
            value = parse_weights(value, where)
        if isinstance(value, list | tuple):
            value = dict.fromkeys(value, 1.0) if all(isinstance(item, str) for item in value) else None
        if not isinstance(value, Mapping):
            raise UsageError(f"{where} must be a list of names or a table name = weight")
        found: dict[str, float] = {}
        for name, weight in value.items():
            number = _number(0, 1e9)(weight, f"{where}: weight of {name!r}")
            key = accept(name, where)
            found[key] = found.get(key, 0.0) + number
        if not empty and not any(found.values()):
            raise UsageError(f"{where} needs at least one name with a weight above 0")
        return {name: weight for name, weight in sorted(found.items()) if weight > 0}

    return check


def _one_of(names: Iterable[str]) -> Callable[[str, str], str]:
    known = tuple(names)

    def accept(name: str, where: str) -> str:
        if name not in known:
            raise UsageError(f"{where}: unknown name {name!r}{nearest(name, known)}")
        return name

    return accept


def _color(name: str, where: str) -> str:
    """A colour as "#rrggbb": hexadecimal, or one of the 140 names of CSS."""
    from PIL import ImageColor

    text = name.strip().lower()
    if text == OWN:
        return OWN
    try:
        channels = ImageColor.getrgb(text.replace(" ", ""))
        if len(channels) != 3:
            raise ValueError("cloth is never transparent")
    except ValueError:
        close = difflib.get_close_matches(text, ImageColor.colormap, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UsageError(
            f"{where}: {name!r} is no colour{hint} (accepted: #rrggbb, a CSS name, or own)"
        ) from None
    return "#" + bytes(channels).hex()


def _names(known: tuple[str, ...]) -> Callable[[Any, str], tuple[str, ...]]:
    def check(value: Any, where: str) -> tuple[str, ...]:
        if isinstance(value, str):
            value = [piece.strip() for piece in value.split(",") if piece.strip()]
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
            raise UsageError(f"{where} must be a list of names (accepted: {', '.join(known)})")
        accept = _one_of(known)
        return tuple(sorted({accept(item, where) for item in value}))

    return check


_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "seed": _whole,
    "share": _number(0, 1),
    "styles": _weights(),
    "colors": _weights(_color),
    "fabrics": _weights(empty=True),
    "fabric_share": _number(0, 1),
    "fabric_weight": _range,
    "wear": _weights(_one_of(WEARS)),
    "skew_deg": _number(0, 15),
    "save": _names(SAVES),
}
