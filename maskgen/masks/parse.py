"""mask.toml to MaskSpec: typed, with an error that names the key, what was found and what was expected."""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, TypeVar

from ..errors import UsageError
from .spec import HEX_COLOR, WEARS, Drape, MaskSpec, Material, Outline, Point, Strap

KINDS = ("surgical", "respirator", "cloth", "other")
#: lowest and highest value of every number whose sense has limits
_RANGES = {
    "weight": (0.0, math.inf),
    "outline.pinch": (0.0, 30.0),
    "drape.tent": (0.0, 1.0),
    "drape.standoff": (0.5, 40.0),
    "drape.rim": (0.2, 40.0),
    "drape.chin_gap": (0.0, 40.0),
    "drape.stiffness": (0.0, 40.0),
    "drape.reach": (1.0, 80.0),
    "drape.dome": (0.0, 60.0),
    "drape.dome_centre": (0.0, 1.0),
    "drape.dome_width": (0.05, 2.0),
    "drape.spread": (0.2, 10.0),
    "drape.ridge": (0.0, 40.0),
    "drape.ridge_width": (0.01, 1.0),
    "drape.cheeks": (0.0, 20.0),
    "drape.flare": (0.0, 30.0),
    "drape.slack": (0.0, 8.0),
    "drape.skirt": (0.0, 150.0),
    "drape.skirt_taper": (0.0, 1.0),
    "material.sheen": (0.0, 1.0),
    "material.relief": (0.0, 10.0),
    "material.hem": (0.0, 30.0),
    "material.crease": (0.0, 3.0),
    "material.wander": (0.0, 0.2),
    "material.unprinted": (0.0, 1.0),
}
#: every point of a head lies within, as millimetres of the canonical frame
_HEAD_MM = (-300.0, 300.0)
_STRAP_RANGES = {"start": (0.0, 1.0), "width": (0.3, 60.0), "lift": (0.2, 20.0), "sag": (0.0, 40.0)}
_BUMP_RANGES = {"at": (0.0, 1.0), "radius": (1.0, 60.0), "height": (0.0, 60.0), "wall": (1.0, 30.0)}
#: what the file calls a field of the spec: one [[strap]] table for each of the straps
_WRITTEN = {"straps": "strap"}
T = TypeVar("T")


def parse_style(name: str, data: Mapping[str, Any], where: str) -> MaskSpec:
    """The style `name` from parsed TOML; ``where`` (the file) opens every message. Raises UsageError."""
    table = dict(data)
    for key, hint in (("name", "a style is called as its folder is"), ("straps", "write [[strap]] tables")):
        if key in table:
            raise UsageError(f"{where}: unknown key {key}; {hint}")
    table["straps"] = table.pop("strap", [])
    if not isinstance(table["straps"], list):
        raise UsageError(f"{where}: strap must be written [[strap]], one table for each strap")
    material = table.get("material")
    if isinstance(material, dict) and isinstance(material.get("colors"), list):
        colors = [[c, 1.0] if isinstance(c, str) else c for c in material["colors"]]
        table["material"] = {**material, "colors": colors}
    spec = _build(MaskSpec, {"name": name, **table}, where, "")
    _check(spec, where)
    return spec


def _build(cls: type[T], data: Any, where: str, prefix: str) -> T:
    # the file says [[strap]], one table a strap; the spec holds them all
    prefix = prefix.replace("straps[", "strap[")
    if not isinstance(data, Mapping):
        raise UsageError(f"{where}: [{prefix.rstrip('.')}] must be a table, found {data!r}")
    hints = typing.get_type_hints(cls)
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    for key in data:
        if key not in known:
            written = list(known) if prefix else [_WRITTEN.get(k, k) for k in known if k != "name"]
            near = get_close_matches(key, written, 1)
            hint = f"; did you mean {prefix}{near[0]}?" if near else f"; known keys: {', '.join(written)}"
            raise UsageError(f"{where}: unknown key {prefix}{key}{hint}")
    values = {}
    for key, f in known.items():
        if key in data:
            values[key] = _convert(data[key], hints[key], where, prefix + key)
        elif f.default is MISSING and f.default_factory is MISSING:
            raise UsageError(f"{where}: {prefix}{key} is missing; expected {_say(hints[key])}")
    return cls(**values)


def _convert(value: Any, hint: Any, where: str, key: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in args if a is not type(None)]
        return None if value is None else _convert(value, inner[0], where, key)
    if is_dataclass(hint):
        return _build(typing.cast(type, hint), value, where, key + ".")
    if origin is tuple:
        if not isinstance(value, list):
            raise _wrong(where, key, hint, value)
        if len(args) == 2 and args[1] is Ellipsis:
            return tuple(_convert(v, args[0], where, f"{key}[{i}]") for i, v in enumerate(value))
        if len(value) != len(args):
            raise _wrong(where, key, hint, value)
        return tuple(
            _convert(v, a, where, f"{key}[{i}]") for i, (v, a) in enumerate(zip(value, args, strict=True))
        )
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise _wrong(where, key, hint, value)
        return float(value)
    if hint in (str, bool, int) and type(value) is hint:
        return value
    raise _wrong(where, key, hint, value)


def _say(hint: Any) -> str:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return f"a list of {_say(args[0])}"
    if origin is tuple:
        return "[" + ", ".join(_say(a) for a in args) + "]"
    if is_dataclass(hint):
        return "a table"
    return {float: "a number", str: "a string", bool: "true or false", int: "a whole number"}.get(
        hint, str(hint)
    )


def _wrong(where: str, key: str, hint: Any, value: Any) -> UsageError:
    return UsageError(f"{where}: {key} must be {_say(hint)}, found {value!r}")


def _check(spec: MaskSpec, where: str) -> None:
    """Ranges and cross-references that types cannot say."""
    if spec.kind not in KINDS:
        raise UsageError(f"{where}: kind must be one of {', '.join(KINDS)}, found {spec.kind!r}")
    unknown = [w for w in spec.wears if w not in WEARS]
    if unknown or not spec.wears:
        raise UsageError(f"{where}: wears must be some of {', '.join(WEARS)}, found {list(spec.wears)}")
    for path, (low, high) in _RANGES.items():
        value: Any = spec
        for part in path.split("."):
            value = getattr(value, part)
        _in_range(value, low, high, where, path)
    for edge in ("top", "bottom"):
        _check_edge(getattr(spec.outline, edge), f"{where}: outline.{edge}")
    for end, what in ((0, "on the midline"), (-1, "at the corner")):
        top, bottom = spec.outline.top[end][1], spec.outline.bottom[end][1]
        if top >= bottom:
            raise UsageError(
                f"{where}: outline.bottom must lie below outline.top, y grows downward; "
                f"{what} they are at {bottom:g} and {top:g}"
            )
    heights = spec.drape.profile
    rising = all(a[0] < b[0] for a, b in pairwise(heights))
    if heights and not (rising and heights[0][0] >= 0.0 and heights[-1][0] <= 1.0):
        raise UsageError(f"{where}: drape.profile wants [v, mm] points with v rising within 0..1")
    for i, bump in enumerate(spec.drape.bumps):
        for key, (low, high) in _BUMP_RANGES.items():
            _in_range(getattr(bump, key), low, high, where, f"drape.bumps[{i}].{key}")
    if not spec.material.colors:
        raise UsageError(f'{where}: material.colors needs at least one colour such as "#9fc4d6"')
    for color, weight in spec.material.colors:
        if not HEX_COLOR.fullmatch(color) or weight < 0.0:
            raise UsageError(
                f'{where}: material.colors wants "#rrggbb" and a weight >= 0, found {[color, weight]}'
            )
    if not HEX_COLOR.fullmatch(spec.material.lining):
        raise UsageError(f'{where}: material.lining wants "#rrggbb", found {spec.material.lining!r}')
    if not any(weight > 0.0 for _, weight in spec.material.colors):
        raise UsageError(f"{where}: material.colors needs a colour with a weight above 0")
    for i, strap in enumerate(spec.straps):
        if not strap.path:
            raise UsageError(f"{where}: strap[{i}].path needs at least 1 point")
        for k, point in enumerate(strap.path):
            _in_range(point, *_HEAD_MM, where, f"strap[{i}].path[{k}]")
        for key, (low, high) in _STRAP_RANGES.items():
            _in_range(getattr(strap, key), low, high, where, f"strap[{i}].{key}")
        if strap.end_width is not None:
            _in_range(strap.end_width, *_STRAP_RANGES["width"], where, f"strap[{i}].end_width")
        if strap.color is not None and not HEX_COLOR.fullmatch(strap.color):
            raise UsageError(f'{where}: strap[{i}].color wants "#rrggbb", found {strap.color!r}')


def _in_range(value: Any, low: float, high: float, where: str, key: str) -> None:
    values = value if isinstance(value, tuple) else (value,)
    if not all(low <= v <= high for v in values):
        limits = f"at least {low:g}" if high == math.inf else f"within {low:g}..{high:g}"
        found = list(value) if isinstance(value, tuple) else value
        raise UsageError(f"{where}{': ' if where else ''}{key} must be {limits}, found {found}")


def _check_edge(points: tuple[Point, ...], what: str) -> None:
    if len(points) < 3:
        raise UsageError(f"{what} needs at least 3 points from the midline to the corner")
    if points[0][0] != 0.0:
        raise UsageError(f"{what} must begin on the midline, x = 0, found x = {points[0][0]:g}")
    if any(p[0] <= 0.0 for p in points[1:]):
        raise UsageError(f"{what} is of the right half: x above 0 after the first point")
    for i, point in enumerate(points):
        _in_range(point, *_HEAD_MM, "", f"{what}[{i}]")
    if any(a == b for a, b in pairwise(points)):
        raise UsageError(f"{what} names the same point twice in a row")


__all__ = ["KINDS", "Drape", "Material", "Outline", "Strap", "parse_style"]
