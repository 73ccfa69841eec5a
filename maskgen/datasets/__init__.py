"""Dataset formats: one file each, found by listing this folder (see base.py and registry.py)."""

from __future__ import annotations

from .base import Card, DatasetFormat
from .locate import Found, find_dataset, locate, recognise, search
from .registry import all_formats, get_format

__all__ = [
    "Card",
    "DatasetFormat",
    "Found",
    "all_formats",
    "find_dataset",
    "get_format",
    "locate",
    "recognise",
    "search",
]
