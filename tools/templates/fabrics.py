"""Procedural seamless fabrics."""

from __future__ import annotations

FABRICS: dict = {}


def png(name): ...
def listing():
    return ""
