"""mask.toml to MaskSpec: typed, with an error that names the key, what was found and what was expected."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from typing import Any, TypeVar

from ..errors import UsageError
from .spec import WEARS, Drape, MaskSpec, Material, Outline, Strap

KINDS = ("surgical", "respirator", "cloth", "other")
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
T = TypeVar("T")


def parse_style(name: str, data: Mapping[str, Any], where: str) -> MaskSpec:
    """The style `name` from parsed TOML; ``where`` (the file) opens every message. Raises UsageError."""
    table = dict(data)
    table["straps"] = table.pop("strap", [])
    material = table.get("material")
    if isinstance(material, dict) and isinstance(material.get("colors"), list):
        colors = [[c, 1.0] if isinstance(c, str) else c for c in material["colors"]]
        table["material"] = {**material, "colors": colors}
    spec = _build(MaskSpec, {"name": name, **table}, where, "")
    _check(spec, where)
    return spec


def _build(cls: type[T], data: Any, where: str, prefix: str) -> T:
    if not isinstance(data, Mapping):
        raise UsageError(f"{where}: [{prefix.rstrip('.')}] must be a table, found {data!r}")
    hints = typing.get_type_hints(cls)
    known = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    for key in data:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"; did you mean {prefix}{near[0]}?" if near else f"; known keys: {', '.join(known)}"
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
    for edge in ("top", "bottom"):
        if len(getattr(spec.outline, edge)) < 3:
            raise UsageError(
                f"{where}: outline.{edge} needs at least 3 points from the midline to the corner"
            )
        if getattr(spec.outline, edge)[0][0] != 0.0:
            raise UsageError(f"{where}: outline.{edge} must begin on the midline, x = 0")
    if not spec.material.colors:
        raise UsageError(f'{where}: material.colors needs at least one colour such as "#9fc4d6"')
    for color, weight in spec.material.colors:
        if not _HEX.fullmatch(color) or weight < 0.0:
            raise UsageError(
                f'{where}: material.colors wants "#rrggbb" and a weight >= 0, found {[color, weight]}'
            )
    for i, strap in enumerate(spec.straps):
        if len(strap.path) < 1 or not all(0.0 <= c <= 1.0 for c in strap.start):
            raise UsageError(f"{where}: strap[{i}] needs a start within 0..1 and a path of at least 1 point")
        if strap.color is not None and not _HEX.fullmatch(strap.color):
            raise UsageError(f'{where}: strap[{i}].color wants "#rrggbb", found {strap.color!r}')
    for key, low, high in (("tent", 0.0, 1.0), ("dome_centre", 0.0, 1.0), ("dome_width", 0.05, 2.0)):
        if not low <= getattr(spec.drape, key) <= high:
            raise UsageError(
                f"{where}: drape.{key} must lie in {low}..{high}, found {getattr(spec.drape, key)}"
            )
    for key in ("sheen", "through"):
        if not 0.0 <= getattr(spec.material, key) <= 1.0:
            raise UsageError(f"{where}: material.{key} must lie in 0..1, found {getattr(spec.material, key)}")
    unknown = [w for w in spec.wears if w not in WEARS]
    if unknown or not spec.wears:
        raise UsageError(f"{where}: wears must be some of {', '.join(WEARS)}, found {list(spec.wears)}")


__all__ = ["KINDS", "Drape", "Material", "Outline", "Strap", "parse_style"]
