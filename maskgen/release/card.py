"""README.md of a release: the card that hubs read, and a datasheet for people, filled from the manifest."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..masks.catalogue import Catalogue
from ..report.tables import markdown
from . import texts
from .model import content_hash, open_release
from .rows import COLUMNS, Row

if TYPE_CHECKING:
    from .gather import Content

#: degrees a row of the pose histogram; beyond so many the usual benchmarks leave a picture out
_BIN, _PROTOCOL = 15, 99


def datasheet(content: Content) -> str:
    """The whole README.md."""
    parts = [
        header(content),
        f"# {texts.title(content)}",
        texts.summary(content),
        *_despite(content),
        "## How to use it",
        _use(content),
        "## What it is for",
        "\n".join(f"* {line}" for line in texts.uses(content)),
        "## What is in it",
        _counts(content),
        "## Pose",
        _poses(content),
        "## Masks",
        _masks(content),
        "## Columns",
        markdown(("Column", "Meaning"), [[f"`{n}`", t] for n, t in COLUMNS.items()]),
        "## Splits",
        _splits(content),
        "## Known limits",
        "\n".join(f"* {line}" for line in texts.limits(content)),
        "## People",
        texts.people(content),
        "## Licence of this release",
        texts.own_licence(content),
        "## Licences of the sources",
        "\n".join(f"* {line}" for line in texts.source_terms(content))
        + "\n\nThis section repeats what others state; it is no legal advice.",
        "## Citation",
        f"{texts.citation(content)}\n\nMasks and release: maskgen "
        f"{content.info['versions'].get('maskgen', '')}.",
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def header(content: Content) -> str:
    """The YAML block that the hub reads. JSON strings are YAML strings."""
    count = content.info["counts"]["images"]
    lines = ["---", f"pretty_name: {json.dumps(texts.title(content))}"]
    lines += _licence_lines(content)
    lines += ["task_categories:", "- image-feature-extraction"]
    lines += ["tags:", "- head-pose-estimation"]
    lines += ["- face-mask"] if content.wears_masks else []
    lines += ["- croissant"]
    lines += ["- synthetic"] if content.right.synthetic else []
    lines += ["size_categories:", f"- {json.dumps(size_category(count))}"]
    lines += ["configs:", "- config_name: default", "  data_files:"]
    for split, path in _data_files(content):
        lines += [f"  - split: {split}", f"    path: {json.dumps(path)}"]
    return "\n".join([*lines, "---"])


def _licence_lines(content: Content) -> list[str]:
    """license, with name and link where it is none of the words that the hub knows."""
    word = str(content.info["licence"])
    if not texts.is_free(content):
        name, link = "terms-of-the-source-dataset", content.fmt.card.homepage
    elif "://" in word:
        name, link = "as-linked", word
    else:
        return [f"license: {json.dumps(word)}"]
    return ["license: other", f"license_name: {name}", f"license_link: {json.dumps(link)}"]


def size_category(count: int) -> str:
    """The hub's word for a number of pictures."""
    edges = [(10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M")]
    return next((word for edge, word in edges if count < edge), "1M<n<10M")


def _data_files(content: Content) -> Iterator[tuple[str, str]]:
    layout = content.info["layout"]
    if layout in (None, "tree"):
        # the hub's table of one file has one split; the column `split` has the real ones
        yield "train", "metadata.csv" if layout is None else "data/metadata.csv"
        return
    for split, count in content.info["splits"]["images"].items():
        if count:
            yield split, f"data/{split}/**" if layout == "imagefolder" else f"shards/{split}-*.tar"


def _despite(content: Content) -> list[str]:
    despite = content.info["despite"]
    if despite is None:
        return []
    first = "\n".join(f"* {line}" for line in despite["errors"][:5])
    return [
        f"> **Released although its checks fail** ({despite['count']} errors). The publisher's reason: "
        f'"{despite["reason"]}"',
        first,
    ]


#: how each layout of pictures is read
_READ_BY = {
    "tree": "data/ is the dataset as loaders of the original know it.",
    "imagefolder": "`datasets.load_dataset` reads it as an imagefolder, one split a folder.",
    "webdataset": "`webdataset.WebDataset` reads shards/, a picture with its labels a sample.",
}


def _use(content: Content) -> str:
    info = content.info
    if info["kind"] == "images":
        return (
            f"Check the files with `sha256sum -c SHA256SUMS`. {_READ_BY[info['layout']]} Labels are in the "
            "files of the original's layout and, in degrees, in metadata.csv."
        )
    made = "\n".join(
        f"* first made by {link['tool']}: its recipe is in release.json" for link in info["chain"]
    )
    origin = f"\n\nThe originals here are themselves an output:\n{made}" if made else ""
    if info["tool"] == "rotaug":
        return (
            "Run rotaug with the recipe in release.json over your originals, then\n\n"
            f"    maskgen rebuild . --verify --out {info['dataset']}_rotated{origin}"
        )
    own = _own_templates(content)
    turned = bool(info["chain"]) and info["chain"][-1]["tool"] == "rotaug"
    folder = " --templates FOLDER" if own else ""
    needed = f", and the publisher's templates {', '.join(own)} in a FOLDER" if own else ""
    root = info["dataset"] + ("_rotated" if turned else "")
    made_into = f", made into {root} as told below," if turned else ""
    return (
        f"You need your own copy of {content.fmt.card.title}{made_into} and maskgen "
        f"{info['versions'].get('maskgen', '')}{needed}:\n\n"
        f"    maskgen rebuild . --root {root}{folder} --out {info['dataset']}_masked\n"
        f"    maskgen rebuild . --out {info['dataset']}_masked --verify\n\n"
        "Every file comes out byte for byte; a picture that does not is named, with the cause. metadata.csv, "
        f"copied beside the rebuilt pictures, makes an imagefolder of them.{origin}"
    )


def _own_templates(content: Content) -> list[str]:
    """Styles and fabrics of the recipe that do not come with maskgen."""
    recipe = content.run.get("recipe", {})
    return Catalogue.load().lacking(recipe.get("styles", {}), recipe.get("fabrics", {}))


def _counts(content: Content) -> str:
    info = content.info
    counts = info["counts"]
    words = {**_COUNTED, "groups": _group_word(content)}
    if info["tool"] == "rotaug":
        words |= _TURNED
    rows = [[words.get(name, name), value] for name, value in counts.items()]
    rows += [["bytes of the pictures", content.audit.image_bytes]]
    text = markdown(("", "Count"), rows)
    layers = ", ".join(info["layers"]) or "none"
    preset = info["preset"]
    lines = [text.rstrip("\n"), "", f"Layers: {layers}. Content hash: `{info['content_sha256']}`."]
    if preset:
        word = {True: "and matches its expected hash", False: "and DIFFERS from its expected hash"}
        state = word.get(preset["matches"], "whose expected hash nobody has entered yet")
        lines.append(f"Made by the benchmark preset `{preset['name']}`, {state}.")
    lines.append("")
    lines.append("Versions: " + ", ".join(f"{k} {v}" for k, v in info["versions"].items()) + ".")
    return "\n".join(lines)


#: what the counts of release.json count
_COUNTED = {
    "images": "pictures in the dataset",
    "inputs": "originals that were looked at",
    "ok": "masked as they should be",
    "degraded": "masked, with a reason to look at them (manifest, `reasons`)",
    "skipped": "left unmasked by the recipe",
    "failed": "could not be masked",
}


#: the same words of a set that was turned
_TURNED = {"ok": "turned as they should be", "skipped": "left out", "failed": "could not be turned"}


def _group_word(content: Content) -> str:
    return {"BIWI": "people", "300W-LP": "source photos"}.get(content.fmt.name, "groups for the splits")


def _poses(content: Content) -> str:
    """Histograms of the three angles in one table; what lies beyond the usual protocol in two rows of it."""
    columns = {
        "Yaw": [row.yaw for row in content.rows if row.yaw is not None],
        "Pitch": [row.pitch for row in content.rows if row.pitch is not None],
        "Roll": [row.roll for row in content.rows if row.roll is not None],
    }
    if not any(columns.values()):
        return "No picture has a pose label."
    last = -(-_PROTOCOL // _BIN)
    tallies: dict[str, Counter[int]] = {}
    for axis, angles in columns.items():
        tally: Counter[int] = Counter()
        for k, count in Counter([angle // _BIN for angle in angles]).items():
            tally[max(-last - 1, min(last, int(k)))] += count
        tallies[axis] = tally
    used = {k for tally in tallies.values() for k in tally}
    rows = [[_degrees(k, last), *(tally[k] or "" for tally in tallies.values())] for k in _span(used)]
    beyond = sum([_is_beyond(row) for row in content.rows])
    text = markdown(("Degrees", *columns), rows)
    if not beyond:
        return text
    return (
        f"{text}\n{beyond} of {len(content.rows)} pictures have an angle beyond {_PROTOCOL} degrees; the "
        "usual benchmarks leave them out, and their labels are known to be doubtful."
    )


def _is_beyond(row: Row) -> bool:
    yaw, pitch, roll = row.yaw or 0.0, row.pitch or 0.0, row.roll or 0.0
    return abs(yaw) > _PROTOCOL or abs(pitch) > _PROTOCOL or abs(roll) > _PROTOCOL


def _span(used: set[int]) -> range:
    return range(min(used), max(used) + 1)


def _degrees(k: int, last: int) -> str:
    if k < -last:
        return f"below {-last * _BIN}"
    return f"above {last * _BIN}" if k >= last else f"{k * _BIN} to {(k + 1) * _BIN}"


def _masks(content: Content) -> str:
    masked = [row for row in content.rows if row.mask]
    if not masked:
        return "No picture wears a painted mask."
    columns: Mapping[str, Counter[Any]] = {
        "style": Counter([row.style for row in masked]),
        "wear": Counter([row.wear for row in masked]),
        "fabric": Counter([row.fabric for row in masked]),
    }
    rows = [
        [name, value or "plain", count, f"{100 * count / len(masked):.1f} %"]
        for name, tally in columns.items()
        for value, count in sorted(tally.items(), key=lambda item: (-item[1], str(item[0])))
    ]
    text = markdown(("What", "Value", "Pictures", "Share"), rows)
    return f"{len(masked)} of {len(content.rows)} pictures wear a mask.\n\n{text}"


def _splits(content: Content) -> str:
    splits = content.info["splits"]
    rows = [
        [n, splits["images"][n], splits["groups"][n], f"`{splits['sha256'][n]}`"] for n in splits["ratios"]
    ]
    by = {
        "BIWI": "person (two sequences of one person stay together)",
        "300W-LP": "source photo (all views and mirror images together)",
    }
    text = markdown(("Split", "Pictures", "Groups", "SHA-256 of the list"), rows)
    return f"By {by.get(content.fmt.name, 'picture')}, seed {splits['seed']}, as lists in splits/.\n\n{text}"


def changelog(info: Mapping[str, Any], note: str | None, previous: Path | None) -> str:
    """CHANGELOG.md: this version over what the previous release's says."""
    if previous is None:
        return f"# Changes\n\n## {info['version']}\n\n* {note or 'First release.'}\n"
    old = open_release(previous)
    lines = [f"* {note}"] if note else []
    same = content_hash(old.outcomes, old.info.get("shared", {})) == info["content_sha256"]
    if same:
        lines.append("* The dataset's bytes are the same.")
    else:
        before, now = old.info["counts"]["images"], info["counts"]["images"]
        lines.append(f"* The dataset's bytes changed: {before} pictures before, {now} now.")
        old_v, new_v = old.info.get("versions", {}), info["versions"]
        moved = [f"{k} {old_v.get(k)} -> {new_v.get(k)}" for k in new_v if old_v.get(k) != new_v.get(k)]
        lines += [f"* Versions: {', '.join(moved)}."] if moved else []
        keys = [k for k in info["recipe"] if info["recipe"][k] != old.recipe.get(k)]
        lines += [f"* The recipe changed: {', '.join(keys)}."] if keys else []
    earlier = old.history.partition("\n## ")[2]
    tail = f"\n## {earlier}" if earlier else f"\n## {old.info['version']}\n\n* Earlier release.\n"
    return f"# Changes\n\n## {info['version']}\n\n" + "\n".join(lines) + "\n" + tail
