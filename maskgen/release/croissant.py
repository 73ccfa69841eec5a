"""croissant.json: the release described in Croissant 1.0 with the Responsible-AI vocabulary.

http://mlcommons.org/croissant/1.0 and http://mlcommons.org/croissant/RAI/1.0; mlcroissant accepts the result
without a warning (tests/release).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ..io.files import sha256_file
from . import texts
from .model import json_text
from .rows import COLUMNS

if TYPE_CHECKING:
    from .gather import Content

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {
    **dict.fromkeys(("yaw", "pitch", "roll", "quality", "coverage"), "sc:Float"),
    "mask": "sc:Boolean",
}
_FORMATS = {
    ".csv": "text/csv", ".json": "application/json", ".jsonl": "application/jsonlines",
    ".gz": "application/gzip",
    ".md": "text/markdown", ".txt": "text/plain", ".sha256": "text/plain", ".tar": "application/x-tar",
    ".parquet": "application/vnd.apache.parquet", ".jpg": "image/jpeg", ".png": "image/png",
}  # fmt: skip


def croissant_text(content: Content, folder: Path) -> str:
    """The JSON-LD for the files that lie in ``folder`` now."""
    info, card = content.info, content.fmt.card
    tables = sorted(p for p in folder.rglob("metadata.csv"))
    files = [p for p in sorted(folder.iterdir()) if p.is_file() and p.name != "metadata.csv"]
    files += [*tables, *sorted((folder / "splits").glob("*.txt")), *sorted((folder / "shards").glob("*.tar"))]
    sets = list(_file_sets(content, folder))
    pictures = [name for name, _place, _suffix in sets if name.startswith("pictures")]
    described = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": info["name"],
        "description": texts.summary(content),
        "version": info["version"],
        **({"datePublished": info["date"]} if info["date"] else {}),
        "url": card.homepage,
        "license": texts.licence(content),
        "citeAs": texts.citation(content),
        "keywords": ["head pose", "face mask", info["dataset"]],
        "isLiveDataset": False,
        **{f"rai:{key}": value for key, value in texts.responsible(content).items()},
        "distribution": [*(_file(path, folder) for path in files), *(_set(*row) for row in sets)],
        "recordSet": [*(_records(path, folder) for path in tables), *map(_views, pictures)],
    }
    return json_text(described)


def _file(path: Path, folder: Path) -> dict[str, Any]:
    name = path.relative_to(folder).as_posix()
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": _FORMATS.get(path.suffix, "text/plain"),
        "sha256": sha256_file(path),
    }


def _file_sets(content: Content, folder: Path) -> Iterator[tuple[str, str, str]]:
    """(name, folder, suffix) of the pictures beside every table, and of the layers.

    In shards a picture is a member of a tar; there the tars themselves are listed.
    """
    if content.info["layout"] in ("tree", "imagefolder"):
        suffixes = sorted({PurePosixPath(row.file_name).suffix for row in content.rows})
        for table in sorted(folder.rglob("metadata.csv")):
            place = table.parent.relative_to(folder).as_posix()
            for suffix in suffixes:
                name = _name("pictures", table.parent, folder)
                yield name if len(suffixes) == 1 else f"{name}_{suffix[1:]}", place, suffix
    for layer in content.info["layers"]:
        yield layer, layer, ".png"


def _set(name: str, place: str, suffix: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "encodingFormat": _FORMATS[suffix.lower()],
        # for some readers ** stands for one folder at least
        "includes": [f"{place}/*{suffix}", f"{place}/**/*{suffix}"],
    }


def _name(word: str, place: Path, folder: Path) -> str:
    """WORD for the only table, WORD_SPLIT for that of a split's folder."""
    return word if place == folder or place.name == "data" else f"{word}_{place.name}"


def _views(pictures: str) -> dict[str, Any]:
    """A record set of the pictures themselves; `path` ends with the table's file_name."""
    sources = {"path": ("sc:Text", "fullpath"), "image": ("sc:ImageObject", "content")}
    return {
        "@type": "cr:RecordSet",
        "@id": f"{pictures}_content",
        "name": f"{pictures}_content",
        "description": "The pictures; path ends with file_name of the table beside them.",
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{pictures}_content/{name}",
                "name": name,
                "dataType": kind,
                "source": {"fileSet": {"@id": pictures}, "extract": {"fileProperty": found}},
            }
            for name, (kind, found) in sources.items()
        ],
    }


def _records(table: Path, folder: Path) -> dict[str, Any]:
    """One record set for every metadata.csv: images, or images_SPLIT."""
    file = table.relative_to(folder).as_posix()
    name = _name("images", table.parent, folder)
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{name}/{column}",
            "name": column,
            "description": text,
            "dataType": _TYPES.get(column, "sc:Text"),
            "source": {"fileObject": {"@id": file}, "extract": {"column": column}},
        }
        for column, text in COLUMNS.items()
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": "One record a picture.",
        "key": {"@id": f"{name}/id"},
        "field": fields,
    }
