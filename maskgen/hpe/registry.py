"""The networks by name: those of hpe/models, and other packages' by entry point ``maskgen.models``."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Callable
from difflib import get_close_matches
from importlib.metadata import entry_points
from typing import Any, TypeVar

from ..errors import UsageError
from .contract import HeadPoseModel
from .typed import options_for

M = TypeVar("M", bound=type[HeadPoseModel])

ENTRY_POINT_GROUP = "maskgen.models"
_models: dict[str, type[HeadPoseModel]] = {}
_discovered = False


def register(name: str) -> Callable[[M], M]:
    """Class decorator: make a HeadPoseModel available as ``name``. Raises UsageError if the name is taken."""

    def decorate(cls: M) -> M:
        known = _models.get(name)
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise UsageError(
                f"two networks are named {name!r}: {known.__module__}.{known.__qualname__} and "
                f"{cls.__module__}.{cls.__qualname__}; rename one"
            )
        if not hasattr(cls, "card"):
            raise UsageError(f"the network {name!r} ({cls.__module__}) has no card; give it a ModelCard")
        cls.name = name
        _models[name] = cls
        return cls

    return decorate


def _discover() -> None:
    global _discovered
    if _discovered:
        return
    from . import models

    for info in pkgutil.iter_modules(models.__path__):
        if not info.name.startswith("_"):
            importlib.import_module(f"{models.__name__}.{info.name}")
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            point.load()
        except UsageError:
            raise
        except Exception as error:  # a broken plug-in must not take the other networks with it
            warnings.warn(f"network plug-in {point.name} ({point.value}) was left out: {error}", stacklevel=2)
    _discovered = True


def list_models() -> list[str]:
    """Names of all networks, sorted."""
    _discover()
    return sorted(_models)


def model_class(name: str) -> type[HeadPoseModel]:
    """The class of a network. Raises UsageError for an unknown name, with the near ones."""
    _discover()
    if name not in _models:
        near = get_close_matches(name, _models, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(sorted(_models))}"
        raise UsageError(f"no network is named {name!r}; {hint}")
    return _models[name]


def accepted_options(cls: type[HeadPoseModel]) -> list[str]:
    """Names of the keyword options of a network's constructor."""
    return [p for p in inspect.signature(cls.__init__).parameters if p not in ("self", "args", "kwargs")]


def create_model(name: str, **options: Any) -> HeadPoseModel:
    """A new network; ``model.options`` keeps the options.

    Raises UsageError for an unknown name or option, and for a value that an option cannot take.
    """
    cls = model_class(name)
    accepted = accepted_options(cls)
    unknown = [o for o in options if o not in accepted]
    if unknown:
        takes = ", ".join(accepted) if accepted else "none"
        raise UsageError(f"{name} has no option {', '.join(unknown)}; its options are: {takes}")
    options = options_for(cls.__init__, options, "model.options")
    if (width := options.get("width")) is not None and width <= 0:
        raise UsageError(
            f"model.options.width multiplies the numbers of channels, got {width}; try 0.25 or 1"
        )
    try:
        model = cls(**options)
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError, OverflowError) as error:
        # what torch says of a size that cannot be; a constructor's own checks are UsageErrors already
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"{name} cannot be built with model.options {options}: {reason}") from error
    model.options = dict(options)
    return model
