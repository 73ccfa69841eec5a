"""The catalogue: every style and fabric that can be painted, found by listing folders.

A style is a folder with mask.toml and optional PNGs, all of one size, u to the right over both halves (the
person's right edge at the left), v down:

    albedo.png   multiplies the colour; grey or RGB, 8 bit, linear (255 = unchanged)
    height.png   relief, 16-bit grey, linear; 65535 is `material.relief` millimetres above 0
    alpha.png    transparency, 8-bit grey
    lining.png   how far the pale inner layer is folded over the outside (hems), 8-bit grey
    paint.png    RGBA in sRGB laid over the colour (valves, clips)
    print_1.png  and on to print_4.png, RGBA in sRGB: what makers print; a mask has one of them, or none

Fabrics are seamless tiles of one repeat in mask_templates/_textures/, listed in fabrics.toml there.
Third parties add folders by the entry-point group ``maskgen.templates`` (a package or a path) or by
`extra_dirs`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property, lru_cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from .parse import parse_style
from .spec import MaskSpec

TEXTURES = "_textures"
#: channels that the maps of a style may have
_CHANNELS = {"albedo": (1, 3), "height": (1,), "alpha": (1,), "lining": (1,), "paint": (4,)}
#: the prints that a style may have, of which a mask wears one at most
PRINTS = tuple(f"print_{k}" for k in range(1, 5))
_CHANNELS |= dict.fromkeys(PRINTS, (4,))
MAPS = tuple(_CHANNELS)
#: a user's own picture: pixels kept of its side, and how wide it lies on the cloth, mm
_OWN_PX, _OWN_MM = 512, 90.0


def _read_png(file: Traversable) -> NDArray[Any]:
    image = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise UsageError(f"{file}: not a readable picture")
    return image


def _checked_map(name: str, image: NDArray[Any], file: Traversable) -> NDArray[Any]:
    channels = 1 if image.ndim == 2 else image.shape[2]
    wanted = _CHANNELS[name]
    depths = ("uint8", "uint16") if name == "height" else ("uint8",)
    if channels not in wanted or image.dtype.name not in depths:
        names = {1: "grey", 3: "RGB", 4: "RGBA"}
        colors, bits = " or ".join(names[k] for k in wanted), " or ".join(d[4:] for d in depths)
        found = f"{channels} channel(s) of {image.dtype.itemsize * 8} bit"
        raise UsageError(f"{file}: wanted {colors} of {bits} bit, found {found}")
    return image


def _made_seamless(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The middle square of any picture, at most _OWN_PX wide, with its mirror images: it repeats unseen."""
    h, w = image.shape[:2]
    side = min(h, w)
    square = image[(h - side) // 2 :, (w - side) // 2 :][:side, :side]
    if side > _OWN_PX:
        square = np.asarray(cv2.resize(square, (_OWN_PX, _OWN_PX), interpolation=cv2.INTER_AREA), np.uint8)
    half = np.concatenate([square, square[:, ::-1]], 1)
    return np.concatenate([half, half[::-1]])


@dataclass(frozen=True, eq=False)
class Style:
    """A style and its maps, by name of MAPS: uint8, height uint16."""

    spec: MaskSpec
    folder: Traversable

    @cached_property
    def maps(self) -> Mapping[str, NDArray[Any]]:
        """Arrays by name; read on first use."""
        found = {}
        for name in MAPS:
            file = self.folder / f"{name}.png"
            if file.is_file():
                found[name] = _checked_map(name, _read_png(file), file)
        if len({image.shape[:2] for image in found.values()}) > 1:
            sizes = ", ".join(f"{k}.png {v.shape[1]} x {v.shape[0]}" for k, v in found.items())
            raise UsageError(f"{self.folder}: the maps of a style must be of one size, found {sizes}")
        return found


@dataclass(frozen=True, eq=False)
class Fabric:
    """A seamless tile; size_mm is the edge length of one repeat on the fabric.

    own: a picture of the user's, which is cut square and made to repeat.
    """

    name: str
    file: Traversable
    size_mm: float
    own: bool = False

    @cached_property
    def tile(self) -> NDArray[np.uint8]:
        """(h, w, 4) uint8 BGRA: colour, and how far it replaces the mask's own."""
        image = _read_png(self.file)
        if image.dtype != np.uint8:
            image = (image / 257.0).astype(np.uint8)
        if self.own:
            image = _made_seamless(image)
        if image.ndim == 2:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        if image.shape[2] == 3:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2BGRA)
        return image


@lru_cache(maxsize=64)
def _own_fabric(name: str, path: Path, _changed_ns: int) -> Fabric:
    """One and the same while the file is: what is made of it (tiles of many sizes) is kept by what it is."""
    return Fabric(name, path, 2.0 * _OWN_MM, own=True)


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Styles and fabrics by name. `load()` once, share between painters."""

    styles: Mapping[str, Style]
    fabrics: Mapping[str, Fabric] = field(default_factory=dict)

    @classmethod
    def load(cls, extra_dirs: Iterable[Path | str] = ()) -> Catalogue:
        """The shipped templates, then entry points, then ``extra_dirs``; a later name replaces an earlier.

        Raises UsageError for a folder that is missing or a style that is wrong, naming file and key.
        """
        roots: list[Traversable] = [resources.files("mask_templates")]
        roots += [_entry_root(point) for point in metadata.entry_points(group="maskgen.templates")]
        roots += [_own_root(Path(extra)) for extra in extra_dirs]
        styles: dict[str, Style] = {}
        fabrics: dict[str, Fabric] = {}
        for root in roots:
            for folder in sorted(root.iterdir(), key=lambda f: f.name):
                if (folder / "mask.toml").is_file():
                    styles[folder.name] = _load_style(folder)
            fabrics.update(_load_fabrics(root / TEXTURES))
        if not styles:
            raise UsageError(
                "no mask style found; reinstall maskgen, or name a folder of styles by --templates"
            )
        return cls(styles, fabrics)

    def names(self) -> tuple[str, ...]:
        """Style names, sorted."""
        return tuple(sorted(self.styles))

    def spec(self, name: str) -> MaskSpec:
        """The style's spec. Raises UsageError with the valid names."""
        return self.style(name).spec

    def style(self, name: str) -> Style:
        """The style with its maps. Raises UsageError with the valid names."""
        if name not in self.styles:
            raise UsageError(f"unknown mask style {name!r}; known: {', '.join(self.names())}")
        return self.styles[name]

    def fabric(self, name: str) -> Fabric:
        """A fabric: one of the catalogue, or a picture file of the user's own. Raises UsageError."""
        if name in self.fabrics:
            return self.fabrics[name]
        path = Path(name)
        if path.suffix and path.is_file():
            return _own_fabric(name, path.absolute(), path.stat().st_mtime_ns)
        close = get_close_matches(name.lower(), self.fabrics, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        if path.suffix:
            hint = "; there is no such picture file"
        known = ", ".join(sorted(self.fabrics)) or "none"
        raise UsageError(f"unknown fabric {name!r}{hint} (known: {known}, or the path of a picture file)")

    def lacking(self, styles: Iterable[str], fabrics: Iterable[str]) -> list[str]:
        """Those of these styles and fabrics that are not of the catalogue, sorted."""
        return sorted(
            [n for n in styles if n not in self.styles] + [n for n in fabrics if n not in self.fabrics]
        )

    def check(self, styles: Iterable[str], fabrics: Iterable[str]) -> None:
        """Read the pictures of these styles and fabrics, but for the shipped ones, which tests have read.

        Raises UsageError for the first that cannot be used, where a batch would fail picture after picture.
        """
        shipped = resources.files("mask_templates")
        for style in map(self.style, styles):
            if style.folder != shipped / style.spec.name:
                _ = style.maps
        for fabric in map(self.fabric, fabrics):
            if fabric.own or fabric.file != shipped / TEXTURES / f"{fabric.name}.png":
                _ = fabric.tile


def _own_root(folder: Path) -> Path:
    """A folder of styles as the user names it."""
    expected = f"a folder that holds NAME/mask.toml for each style, or {TEXTURES}/fabrics.toml"
    if not folder.is_dir():
        raise UsageError(f"--templates {folder}: no such folder; expected {expected}")
    if (folder / "mask.toml").is_file():
        raise UsageError(
            f"--templates {folder} is one style; name the folder above it: {folder.absolute().parent}"
        )
    if not (folder / TEXTURES / "fabrics.toml").is_file() and not any(folder.glob("*/mask.toml")):
        raise UsageError(f"--templates {folder} holds no style and no fabric; expected {expected}")
    return folder


def _entry_root(point: metadata.EntryPoint) -> Traversable:
    """Folder an entry point of the group ``maskgen.templates`` names: a package, or a path."""
    owner = f"the package {point.dist.name}" if point.dist is not None else "its package"
    where, mend = f"entry point {point.name!r} of maskgen.templates", f"upgrade or uninstall {owner}"
    try:
        target = point.load()
        root = Path(target) if isinstance(target, str | Path) else resources.files(target)
    except Exception as e:  # another package's code
        raise UsageError(f"{where}, {point.value}: {e}; {mend}") from e
    if not root.is_dir():
        raise UsageError(f"{where} names {root}, which is no folder; {mend}")
    return root


def _load_style(folder: Traversable) -> Style:
    file = folder / "mask.toml"
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise UsageError(f"{file}: not valid TOML: {e}") from e
    return Style(parse_style(folder.name, data, str(file)), folder)


def _load_fabrics(folder: Traversable) -> dict[str, Fabric]:
    listing = folder / "fabrics.toml"
    if not listing.is_file():
        return {}
    try:
        data = tomllib.loads(listing.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise UsageError(f"{listing}: not valid TOML: {e}") from e
    found = {}
    for name, entry in data.items():
        file = folder / f"{name}.png"
        size = entry.get("size_mm") if isinstance(entry, dict) else None
        length = float(size) if isinstance(size, int | float) and not isinstance(size, bool) else 0.0
        if not 0.0 < length < 1e4 or not file.is_file():
            raise UsageError(f"{listing}: [{name}] needs size_mm > 0 and a file {name}.png beside it")
        found[name] = Fabric(name, file, length)
    return found
