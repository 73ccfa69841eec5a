"""Checked dataclasses from plain dictionaries: the part of configuration that knows types but no keys."""

from __future__ import annotations

import dataclasses
import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal

from ..errors import UsageError


def dataclass_from(kind: type, tree: Any, prefix: str = "") -> Any:
    """An instance of the dataclass ``kind`` from nested dictionaries; fields may be dataclasses themselves.

    prefix: the dotted key of ``tree`` itself, for messages. Raises UsageError for an unknown key (with the
    accepted ones) and for a value of the wrong kind (with the kind).
    """
    if not isinstance(tree, dict):
        name = prefix or "the configuration"
        raise UsageError(f"{name} must be a section of key: value lines, got {tree!r}")
    hints = typing.get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind)]
    values = {}
    for key, value in tree.items():
        where = f"{prefix}.{key}" if prefix else str(key)
        if key not in names:
            near = get_close_matches(str(key), names, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"unknown configuration key {where}; {hint}accepted: {', '.join(names)}")
        hint_type = hints[key]
        if dataclasses.is_dataclass(hint_type):
            values[key] = dataclass_from(typing.cast(type, hint_type), {} if value is None else value, where)
        else:
            values[key] = _convert(value, hint_type, where)
    return kind(**values)


def options_for(function: Callable[..., Any], options: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """``options`` as the keyword parameters of ``function`` are annotated; others pass as they are.

    prefix: what messages call the options' section. Raises UsageError for a value of the wrong kind.
    """
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError):  # annotations of another package that cannot be looked up from here
        hints = {}
    parameters = inspect.signature(function).parameters
    known = {name: hints[name] for name in options if name in parameters and _is_plain(hints.get(name))}
    return {
        name: _convert(value, known[name], f"{prefix}.{name}") if name in known else value
        for name, value in options.items()
    }


def _is_plain(kind: Any) -> bool:
    """Whether `_convert` knows the kind through and through."""
    if kind in (bool, int, float, str, type(None)) or typing.get_origin(kind) is Literal:
        return True
    if typing.get_origin(kind) in (types.UnionType, typing.Union, list, Sequence):
        return all(_is_plain(a) for a in typing.get_args(kind))
    return False


def _convert(value: Any, kind: Any, where: str) -> Any:
    """``value`` as ``kind``; a whole number passes for a float, and 1e-3 (a string in YAML 1.1) too."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in args:
            return None
        members = [a for a in args if a is not type(None)]
        # a number before a string, so that "1e-1" is read as one
        for member in sorted(members, key=lambda m: m is str):
            try:
                return _convert(value, member, where)
            except UsageError:
                continue
    elif origin is Literal:
        value = "off" if value is False and "off" in args else value
        if value in args:
            return value
    elif origin in (list, Sequence) and isinstance(value, list | tuple):
        return [_convert(v, args[0], f"{where}[{i}]") for i, v in enumerate(value)]
    elif origin is dict and isinstance(value, dict):
        return {str(k): _convert(v, args[1], f"{where}.{k}") for k, v in value.items() if v is not None}
    elif kind is float and not isinstance(value, bool):
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    elif kind is Any or (isinstance(kind, type) and type(value) is kind):
        return value
    raise UsageError(f"{where} must be {_describe(kind)}, got {value!r}")


def _describe(kind: Any) -> str:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return " or ".join("null" if a is type(None) else _describe(a) for a in args)
    if origin is Literal:
        return f"one of {', '.join(map(str, args))}"
    if origin in (list, Sequence):
        return f"a list of {_describe(args[0])} values"
    if origin is dict:
        return "a section of key: value lines"
    return {bool: "true or false", int: "a whole number", float: "a number", str: "text"}.get(kind, str(kind))
