"""maskgen package: a masked dataset -> a release, by default one that holds no picture at all."""

from __future__ import annotations

import gzip
import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from ..checks.dataset import CheckOptions, check_dataset
from ..checks.finding import Finding
from ..datasets.base import DatasetFormat
from ..datasets.registry import get_format
from ..errors import UsageError
from ..io.files import TEMPORARY_PREFIX, sha256_bytes
from ..jobs.manifest import versions
from ..jobs.outcome import Outcome
from ..jobs.output import RECORDS, check_apart, read_run
from . import layouts
from .archive import KINDS as ARCHIVES
from .archive import write_archive
from .audit import Audit, audit, outcomes_of_plain
from .card import changelog, datasheet
from .croissant import croissant_text
from .licence import SYNTH, Right, gate, is_synthetic
from .model import MANIFEST, PIXELS, RELEASE, SCHEMA, content_hash, sums_text, write_sums
from .presets import preset_of
from .rows import Row, csv_text, make_rows, write_parquet
from .splits import DEFAULT, Splits, make_splits

#: layers of --layers, as `maskgen apply --save` writes them: they show the mask and nothing of the photo
LAYERS = ("alpha", "segmentation")
#: a recipe release whose lists are a larger share of the pictures' bytes gets its manifest compressed
_MOST = 0.05
#: a source of landmarks that names a folder of the packager's machine
_FILES = "files:"


@dataclass(frozen=True)
class PackageOptions:
    """kind, right: see `licence.gate`. name, version: of the release. despite: why errors stop nothing.

    date: of publication, YYYY-MM-DD; never the clock's, for the same input shall give the same bytes.
    licence: of what is the publisher's own (recipe, numbers; synthetic pictures): the hub's word, or a URL.
    layers: of LAYERS. layout: one of layouts.LAYOUTS (images only). pixels: hash decoded pixels, too.
    archive, part: one of archive.KINDS, most bytes a part. previous: an earlier release; note: its change.
    source: the dataset it was made from, where run.json's is elsewhere now.
    """

    kind: str = "recipe"
    name: str | None = None
    version: str = "1.0.0"
    date: str | None = None
    licence: str = "cc-by-4.0"
    right: str | None = None
    despite: str | None = None
    layers: tuple[str, ...] = ()
    layout: str = "tree"
    pixels: bool = True
    parquet: bool = False
    archive: str | None = None
    part: int | None = None
    ratios: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT))
    split_seed: int = 0
    shard: int = 1000
    jobs: int = 1
    previous: Path | None = None
    note: str | None = None
    source: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.date is not None and not _is_date(self.date):
            raise UsageError(f"--date {self.date!r} is no day; write YYYY-MM-DD")
        for layer in self.layers:
            if layer not in LAYERS:
                raise UsageError(f"unknown layer {layer!r}; a release may hold {', '.join(LAYERS)}")
        if self.layout not in layouts.LAYOUTS:
            raise UsageError(f"unknown layout {self.layout!r}; known are {', '.join(layouts.LAYOUTS)}")
        if self.kind == "recipe" and self.layout != "tree":
            raise UsageError(f"--layout {self.layout} arranges pictures; a recipe release holds none")
        if self.archive is not None and self.archive not in ARCHIVES:
            raise UsageError(f"unknown archive {self.archive!r}; known are {', '.join(ARCHIVES)}")
        if self.part is not None and self.archive is None:
            raise UsageError("--part-size cuts archives; choose one by --archive")


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@dataclass
class Content:
    """Everything a release is made from."""

    fmt: DatasetFormat
    root: Path
    run: dict[str, Any]
    manifest: str
    outcomes: list[Outcome]
    options: PackageOptions
    right: Right
    name: str
    errors: list[Finding]
    audit: Audit
    groups: Mapping[str, str]
    splits: Splits
    rows: list[Row]
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def pixels(self) -> dict[str, str]:
        """SHA-256 of decoded pixels by picture."""
        found = self.audit.found
        return {o.output: found[o.id].pixels or "" for o in self.outcomes if o.output and found[o.id].pixels}


@dataclass(frozen=True)
class Packaged:
    """What was written. size: bytes under OUT. image_bytes: bytes of the pictures it is about."""

    out: Path
    info: Mapping[str, Any]
    size: int
    image_bytes: int

    def text(self) -> str:
        """What a person wants to know at the end."""
        total = self.info["counts"]["images"]
        share = 100.0 * self.size / max(self.image_bytes, 1)
        return (
            f"{self.out}: {self.info['kind']} release {self.info['name']} {self.info['version']} of "
            f"{total} images, "
            f"{self.size / 1e6:.2f} MB ({share:.1f} % of the pictures' {self.image_bytes / 1e6:.1f} MB)\n"
            f"content {self.info['content_sha256']}"
        )


def package(masked: Path, out: Path, options: PackageOptions | None = None) -> Packaged:
    """Write a release of the dataset in ``masked`` to ``out``, a new or empty folder.

    Raises UsageError before anything is written: no finished output of maskgen, failing checks without
    ``despite``, pictures that may not leave without ``right``, an output that is taken.
    """
    options = options or PackageOptions()
    check_apart(masked, out)
    _check_out(out, options.overwrite)
    content = _gather(masked, options)
    content.info = _info(content)
    # inside OUT, for nothing may be written elsewhere, and moving within one file system costs nothing
    folder = out / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True)
        _write(content, folder)
        _deliver(content, folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    size = sum(p.stat().st_size for p in out.rglob("*") if p.is_file())
    return Packaged(out, content.info, size, content.audit.image_bytes)


def _check_out(out: Path, overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; name a folder for the release")
    if not out.is_dir() or not any(out.iterdir()):
        return
    ours = (out / RELEASE).is_file()
    if not (overwrite and ours):
        hint = "use --overwrite to replace it" if ours else "name a new or an empty folder"
        raise UsageError(f"{out} is not empty; {hint} (nothing was deleted)")


def _gather(masked: Path, options: PackageOptions) -> Content:
    run = read_run(masked)
    if run is None:
        raise UsageError(f"{masked} holds no {RECORDS}/run.json; package takes an output of maskgen apply")
    fmt = get_format(str(run.get("dataset") or run.get("layout")))
    root = run.get("root")
    synthetic = is_synthetic(run, Path(root) if root else None)
    right = gate(options.kind, fmt.name, synthetic, options.right)
    plain_set = run.get("tool") == SYNTH
    if plain_set and options.kind == "recipe":
        raise UsageError(f"{masked} is synthetic and holds no recipe of masks; package it by --kind images")
    if options.kind == "recipe":
        _check_recipe(run)
    places = _places(masked, run)
    try:
        lines = _manifest(fmt, masked, plain_set)
        text = _without(places, "".join(lines))
        outcomes = [Outcome.from_line(line) for line in text.splitlines()]
    except (OSError, ValueError) as error:
        raise UsageError(f"{masked}: {error}; finish the run with --resume first") from error
    entries = {entry.id: entry for entry in fmt.index(masked)}
    shared = run.setdefault("shared", {})
    if plain_set:
        shared.update({str(n): sha256_bytes((masked / n).read_bytes()) for n in fmt.shared_files(masked)})
    audited = audit(fmt, masked, outcomes, entries, shared, pixels=options.pixels, jobs=options.jobs)
    errors = _failing(masked, options, audited, plain_set)
    groups = {o.id: fmt.group(entries[o.id]) if o.id in entries else o.id for o in outcomes if o.output}
    splits = make_splits(groups, options.ratios, options.split_seed)
    name = options.name or _default_name(masked, run, options.kind)
    rows = make_rows(outcomes, audited, groups, splits)
    return Content(
        fmt, masked, run, text, outcomes, options, right, name, errors, audited, groups, splits, rows
    )


def _failing(masked: Path, options: PackageOptions, audited: Audit, plain_set: bool) -> list[Finding]:
    """Errors of the checks. Raises UsageError unless there are none or their reason is told."""
    # the audit has hashed every file already: once is enough
    report = check_dataset(masked, CheckOptions(source=options.source, jobs=options.jobs, hashes=False))
    errors = [f for f in report.findings if f.severity == "error"]
    if plain_set:
        errors = [f for f in errors if f.code != "manifest.missing"]
    errors += [Finding("file.changed", "error", a.id, p) for a in audited.found.values() for p in a.problems]
    errors += [Finding("file.changed", "error", "", p) for p in audited.problems]
    if errors and not " ".join((options.despite or "").split()):
        first = errors[0]
        raise UsageError(
            f"{masked} fails its checks with {len(errors)} error(s), for example {first.code}: "
            f"{first.id + ': ' if first.id else ''}{first.message}; look with maskgen validate, mend it, "
            "or say "
            'why it is released all the same by --despite "REASON", which is printed in the card'
        )
    return errors


def _check_recipe(run: Mapping[str, Any]) -> None:
    own = [n for n in run.get("recipe", {}).get("fabrics", {}) if Path(n).suffix or "/" in n or "\\" in n]
    if own:
        raise UsageError(
            f"the fabric {own[0]!r} is a file of this machine, which a recipe cannot carry: put it into a "
            "folder "
            "of templates (docs/templates), apply with --templates, and package that"
        )


def _default_name(masked: Path, run: Mapping[str, Any], kind: str) -> str:
    preset = preset_of(run)
    base = preset.name if preset is not None else masked.resolve().name
    return f"{base}-recipe" if kind == "recipe" else base


def _manifest(fmt: DatasetFormat, masked: Path, plain_set: bool) -> list[str]:
    """The manifest as it stands: to write every line anew would take longer than to hash its files."""
    if plain_set:
        return [o.to_line() for o in outcomes_of_plain(fmt, masked)]
    return [(masked / RECORDS / "manifest.jsonl").read_text(encoding="utf-8")]


def _places(masked: Path, run: Mapping[str, Any]) -> list[str]:
    """Absolute folders of this machine that messages may name, longest first."""
    found = {str(masked.resolve()), str(masked), str(run.get("root") or "")}
    return sorted((p for p in found if len(p) > 1 and os.path.isabs(p)), key=len, reverse=True)


def _without(places: list[str], text: str) -> str:
    """A JSON text without places of this machine: a release tells nothing about who made it."""
    for place in places:
        text = text.replace(json.dumps(place, ensure_ascii=False)[1:-1], "ORIGINALS")
    return text


def _public(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe without the folder of landmark files."""
    words = str(recipe.get("landmarks", "")).split(",")
    if not any(word.strip().startswith(_FILES) for word in words):
        return dict(recipe)
    kept = [f"{_FILES}LANDMARKS" if word.strip().startswith(_FILES) else word for word in words]
    return {**recipe, "landmarks": ",".join(kept)}


def _info(content: Content) -> dict[str, Any]:
    """release.json: everything that is not about one picture. No time, no place, no machine."""
    run, options, outcomes = content.run, content.options, content.outcomes
    statuses = Counter(o.status for o in outcomes)
    preset = preset_of(run)
    whole = content_hash(outcomes, run["shared"])
    chain = [{k: v for k, v in link.items() if k != "manifest"} for link in run.get("chain", [])]
    return {
        "schema": SCHEMA,
        "kind": options.kind,
        "name": content.name,
        "version": options.version,
        "date": options.date,
        "licence": options.licence,
        "dataset": content.fmt.name,
        "tool": run.get("tool"),
        "layout": options.layout if options.kind == "images" else None,
        "counts": {
            "images": len(content.rows),
            "inputs": len(outcomes),
            **dict(sorted(statuses.items())),
            "groups": len(set(content.groups.values())),
        },
        "content_sha256": whole,
        "recipe": _public(run.get("recipe", {})),
        "versions": run.get("versions") or versions(),
        "shared": run["shared"],
        "chain": chain,
        "preset": None if preset is None else {"name": preset.name, "matches": preset.matches(whole)},
        "pixels": options.pixels,
        "layers": list(options.layers),
        "splits": content.splits.record(),
        "synthetic": content.right.synthetic,
        "right": content.right.statement,
        "despite": _despite(content),
    }


def _despite(content: Content) -> dict[str, Any] | None:
    if not content.errors:
        return None
    first = [f"{f.code}: {f.id}: {f.message}" for f in content.errors[:50]]
    places = _places(content.root, content.run)
    first = [_without(places, line) for line in first]
    return {"reason": content.options.despite, "count": len(content.errors), "errors": first}


def _write(content: Content, folder: Path) -> None:
    options = content.options
    _put(folder / RELEASE, json.dumps(content.info, indent=1, ensure_ascii=False) + "\n")
    content.splits.write(folder)
    _put(folder / "CHANGELOG.md", changelog(content.info, options.note, options.previous))
    if options.kind == "images":
        layouts.write(content, folder)
    else:
        _put(folder / "metadata.csv", csv_text(content.rows))
    for layer in options.layers:
        _copy_layer(content, layer, folder)
    if options.pixels:
        _put(folder / PIXELS, sums_text(content.pixels.items()))
    if options.parquet:
        files = {n: h for o in content.outcomes for n, h in o.files.items()}
        write_parquet(folder / "index.parquet", content.rows, content.pixels, files)
    _put_manifest(content, folder)
    _put(folder / "README.md", datasheet(content))
    _put(folder / "croissant.json", croissant_text(content, folder))
    write_sums(folder)


def _put_manifest(content: Content, folder: Path) -> None:
    text = content.manifest.encode()
    if content.options.kind == "recipe" and len(text) > _MOST * content.audit.image_bytes:
        (folder / f"{MANIFEST}.gz").write_bytes(gzip.compress(text, 9, mtime=0))
    else:
        (folder / MANIFEST).write_bytes(text)


def _copy_layer(content: Content, layer: str, folder: Path) -> None:
    prefix = f"{RECORDS}/{layer}/"
    names = [n for o in content.outcomes for n in o.files if n.startswith(prefix)]
    if not names:
        raise UsageError(f"{content.root} has no {layer} layer; apply with --save {layer} to release it")
    for name in names:
        target = folder / layer / name.removeprefix(prefix)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(content.root / name, target)


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _deliver(content: Content, folder: Path, out: Path) -> None:
    """Move what was written to its place, packed where asked for; an earlier release goes only now."""
    options = content.options
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    if options.archive is not None:
        packed = folder.with_name(f"{folder.name}-packed")
        packed.mkdir()
        try:
            target = packed / f"{content.name}-{options.version}.{options.archive}"
            rows = ((p.relative_to(folder).as_posix(), p) for p in files)
            write_archive(options.archive, rows, target, options.part)
            shutil.copyfile(folder / "README.md", packed / "README.md")
            write_sums(packed)
            _replace(packed, out)
        finally:
            shutil.rmtree(packed, ignore_errors=True)
        return
    _replace(folder, out)


def _replace(made: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for path in out.iterdir():
        if path.name.startswith(TEMPORARY_PREFIX):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for path in sorted(made.iterdir()):
        shutil.move(path, out / path.name)
