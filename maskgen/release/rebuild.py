"""maskgen rebuild: a release and the user's own originals -> the same bytes, or the reason why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..apply import template_hashes
from ..apply_one import ApplyOptions, MaskOne, Templates, sources_of
from ..datasets.base import DatasetFormat
from ..datasets.registry import get_format
from ..errors import DatasetNotFound, UsageError
from ..io.files import atomic_write, sha256_file
from ..jobs import parallel
from ..jobs.batch import BatchPlan, run_batch
from ..jobs.manifest import read_manifest, versions
from ..jobs.outcome import Outcome
from ..jobs.output import RECORDS
from ..recipe import Recipe, StyleChoices
from ..sample import Entry
from .compare import (
    Comparison,
    Difference,
    compare_outcome,
    picture_difference,
    version_notes,
    walk_together,
)
from .model import Release, dataset_files, json_text


@dataclass(frozen=True)
class RebuildOptions:
    """jobs, resume, overwrite: as for apply. templates: folders of styles that are not shipped.

    landmarks, weights: where landmarks come from, if not as the release says (side files lie elsewhere here).
    """

    jobs: int = 1
    resume: bool = False
    overwrite: bool = False
    templates: tuple[str, ...] = ()
    landmarks: str | None = None
    weights: Path | None = None
    quiet: bool = True


@dataclass(frozen=True)
class _Listed:
    """The originals that a release names, in sample order; picklable."""

    fmt: DatasetFormat
    root: Path
    ids: frozenset[str]

    def __call__(self) -> Iterator[Entry]:
        return (entry for entry in self.fmt.index(self.root) if entry.id in self.ids)


def rebuild(release: Release, root: Path, out: Path, options: RebuildOptions | None = None) -> Comparison:
    """Make every picture of a release from the originals at ``root`` into ``out``, and compare every hash.

    One picture that differs stops nothing; it is written, and named with the first cause that explains it.
    Raises UsageError before anything is written: for a release that cannot be rebuilt by this program, and
    for styles that are not there.
    """
    options = options or RebuildOptions()
    check_rebuildable(release)
    fmt = get_format(release.dataset)
    recipe = recipe_of(release.recipe)
    comparison = Comparison(notes=version_notes(release.info.get("versions", {}), versions()))
    templates = Templates(options.templates)
    comparison.notes += _template_notes(release, recipe, templates)
    made = apply_options(release, options, templates)
    sources_of(made.landmarks, made.weights)
    listed = _Listed(fmt, root, frozenset(o.id for o in release.outcomes))
    if not _any(listed):
        raise UsageError(
            f"none of the release's {len(release.outcomes)} images is in {root}; --root must be the folder "
            f"whose files are called like {release.outcomes[0].source if release.outcomes else fmt.layout}"
        )
    plan = BatchPlan(
        tool="maskgen",
        dataset=fmt.name,
        root=root,
        out=out,
        recipe=release.recipe,
        jobs=options.jobs,
        resume=options.resume,
        overwrite=options.overwrite,
        details={"rebuilt_from": release.info.get("content_sha256")},
    )
    work = MaskOne(fmt, root, out, recipe, made)
    run_batch(plan, listed, work, lambda: fmt.copy_shared(root, out), quiet=options.quiet)
    _compare_all(release, root, out, comparison)
    text = json_text(comparison.as_dict())
    atomic_write(out / RECORDS / "rebuild.json", text.encode())
    return comparison


def _any(listed: _Listed) -> bool:
    try:
        return any(True for _ in listed())
    except DatasetNotFound:
        return False


def _compare_all(release: Release, root: Path, out: Path, comparison: Comparison) -> None:
    libraries = f" ({'; '.join(comparison.notes)})" if comparison.notes else ""
    comparison.differences += [Difference("release", "release damaged", text) for text in release.damaged]
    for known, made in walk_together(release.outcomes, read_manifest(out)):
        if made is None:
            text = f"{known.source} is not in {root.name or root}"
            comparison.add(Difference(known.id, "original missing", text))
        else:
            pixels = release.pixels.get(str(known.output))
            comparison.add(compare_outcome(known, made, root, out, pixels, libraries))
    comparison.differences += _compare_shared(release, out)


def _compare_shared(release: Release, out: Path) -> Iterator[Difference]:
    for name, value in release.info.get("shared", {}).items():
        path = out / name
        if not path.is_file():
            yield Difference(name, "shared file", "is not there")
        elif sha256_file(path) != value:
            yield Difference(name, "shared file", "is another file than the release's")


def check_rebuildable(release: Release) -> None:
    """Raise UsageError, saying what to do instead, for a release that holds no recipe of maskgen apply."""
    tool, where = release.info.get("tool"), release.where
    if tool == "rotaug":
        raise UsageError(
            f"{where} is a dataset turned by rotaug: run rotaug with the recipe in its release.json, then "
            "check the result by maskgen rebuild --verify"
        )
    if tool != "maskgen":
        raise UsageError(
            f"{where} was made by {tool}, not by maskgen apply; it can only be checked (--verify)"
        )
    if "styles" not in release.recipe:
        raise UsageError(f"{where} holds no recipe; it is a clean twin and can only be checked (--verify)")


def recipe_of(values: Mapping[str, Any]) -> Recipe:
    """The resolved recipe that run.json or release.json holds. Raises UsageError for one that is damaged."""
    known = {f.name for f in fields(Recipe)} - {"choices"}
    _check_beside(values)
    try:
        recipe = Recipe().updated({k: v for k, v in values.items() if k in known}, "release.json")
        choices = {
            style: StyleChoices(dict(c["colors"]), dict(c["wear"]), bool(c["printable"]))
            for style, c in values["choices"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"the recipe in release.json is damaged: {error!r}; get the release again"
        ) from error
    return replace(recipe, choices=choices)


def _check_beside(values: Mapping[str, Any]) -> None:
    """Check what run.json keeps beside the recipe proper. Raises UsageError."""
    strict = values.get("strict")
    good = {
        "on_fail": values.get("on_fail", "leave") in ("leave", "copy"),
        "jpeg": values.get("jpeg", "tables") in ("tables", "splice"),
        "strict": strict is None or (isinstance(strict, int | float) and 0.0 <= strict <= 1.0),
        **{k: isinstance(values.get(k, {}), dict) for k in ("style_sha256", "fabric_sha256")},
    }
    for key, ok in good.items():
        if not ok:
            raise UsageError(f"the recipe in release.json is damaged at {key!r}; get the release again")


def apply_options(release: Release, options: RebuildOptions, templates: Templates) -> ApplyOptions:
    """How apply ran when the release was made, with what is other on this machine.

    Raises UsageError where landmarks come from side files and ``options`` does not say where these lie.
    """
    recipe = release.recipe
    landmarks = options.landmarks or str(recipe.get("landmarks", "native,projected"))
    if options.landmarks is None and "files:" in landmarks:
        # never a folder that a release names: whoever made it shall not choose what is read here
        raise UsageError(
            f"the release took landmarks from {landmarks!r}: name the folder of yours by --landmarks, "
            "as files:FOLDER"
        )
    return ApplyOptions(
        on_fail=recipe.get("on_fail", "leave"),
        strict=recipe.get("strict"),
        jpeg=recipe.get("jpeg", "tables"),
        jobs=options.jobs,
        landmarks=landmarks,
        weights=options.weights,
        painter=templates,
    )


def _template_notes(release: Release, recipe: Recipe, templates: Templates) -> list[str]:
    """Styles and fabrics that are other here than there. Raises UsageError for those that are not here."""
    catalogue = templates.catalogue()
    missing = catalogue.lacking(recipe.styles, recipe.fabrics)
    if missing:
        raise UsageError(
            f"the release wears {', '.join(missing)}, which this installation does not have: "
            "give the folder of its templates by --templates, or install the version in release.json"
        )
    here = template_hashes(recipe, catalogue)
    notes = []
    for key, word in (("style_sha256", "style"), ("fabric_sha256", "fabric")):
        for name, value in release.recipe.get(key, {}).items():
            if here[key].get(name) != value:
                notes.append(f"{word} {name} is another template here")
    return notes


@dataclass(frozen=True)
class _VerifyOne:
    """Callable on (outcome, pixel hash); compares the files under ``folder`` and, if given, ``root``."""

    folder: Path
    root: Path | None
    libraries: str

    def __call__(self, item: tuple[Outcome, str | None]) -> Difference | None:
        known, pixels = item
        if self.root is not None:
            for name, value in known.sources.items():
                now = _hash(self.root / name)
                if now is None:
                    return Difference(known.id, "original missing", f"{name} is not there")
                if now != value:
                    text = f"{name} has SHA-256 {now[:12]}, not {value[:12]}"
                    return Difference(known.id, "source changed", text)
        for name, value in known.files.items():
            now = _hash(self.folder / name)
            if now is None:
                return Difference(known.id, "file missing", f"{name} is not there")
            if now != value:
                if name == known.output:
                    return picture_difference(known, self.folder, pixels, self.libraries)
                text = f"{name} has SHA-256 {now[:12]}, not {value[:12]}"
                return Difference(known.id, "file changed", text)
        return None


def _hash(path: Path) -> str | None:
    try:
        return sha256_file(path)
    except OSError:
        return None


def verify(release: Release, folder: Path, root: Path | None = None, jobs: int = 1) -> Comparison:
    """Compare a folder, and the originals where ``root`` is given, with a release; nothing is written.

    Files that the release does not know are noted. Raises MaskgenError where a worker dies.
    """
    comparison = Comparison(notes=version_notes(release.info.get("versions", {}), versions()))
    libraries = f" ({'; '.join(comparison.notes)})" if comparison.notes else ""
    comparison.differences += [Difference("release", "release damaged", text) for text in release.damaged]
    items = ((o, release.pixels.get(str(o.output))) for o in release.outcomes)
    work = _VerifyOne(folder, root, libraries)
    jobs = parallel.resolve_jobs(jobs)
    for found in parallel.stream(work, items, jobs=jobs, total=len(release.outcomes)):
        comparison.add(found)
    comparison.differences += _compare_shared(release, folder)
    comparison.notes += _strangers(release, folder)
    return comparison


def _strangers(release: Release, folder: Path) -> Iterator[str]:
    known = dataset_files(release.outcomes, release.info.get("shared", {}))
    paths = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    strange = sorted(p for p in paths if p not in known and p.split("/", 1)[0] != RECORDS)
    if strange:
        yield f"{len(strange)} file(s) that the release does not know, for example {strange[0]}"
