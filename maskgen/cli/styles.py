"""maskgen styles: List the mask styles and fabrics there are, or draw them on a face."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import FOLDER, dataset_option, root_option, templates_option

if TYPE_CHECKING:
    from ..masks.catalogue import Catalogue
    from ..report.styles import Face

#: yaw and pitch, degrees, from which styles are shown
_VIEWS = ((0.0, 0.0), (40.0, -5.0), (-75.0, 0.0))


@click.command("styles")
@click.option("--sheet", type=FOLDER, metavar="FILE.png", help="Draw every style on a face.")
@click.option("--fabrics", is_flag=True, help="The fabrics instead of the styles.")
@click.option(
    "--on", "sample_id", metavar="ID", help="Draw on this sample of a dataset, not on a synthetic face."
)
@dataset_option
@root_option
@templates_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list for programs.")
def command(
    sheet: Path | None,
    fabrics: bool,
    sample_id: str | None,
    dataset: str | None,
    root: Path | None,
    templates: tuple[Path, ...],
    as_json: bool,
) -> int:
    """List the mask styles and fabrics there are, or draw them on a face.

    \b
    maskgen styles
    maskgen styles --sheet styles.png
    maskgen styles --fabrics --sheet fabrics.png
    maskgen styles --sheet me.png --dataset AFLW2000 --on image00002
    """
    from ..errors import UsageError
    from ..masks.catalogue import Catalogue

    if sheet is None and (sample_id is not None or dataset is not None or root is not None):
        raise UsageError("--on, --dataset and --root say where to draw; name the drawing by --sheet FILE.png")
    if sheet is not None and as_json:
        raise UsageError("--json prints a list and --sheet draws one; give one of them")
    catalogue = Catalogue.load(templates)
    if sheet is not None:
        faces = _faces(sample_id, dataset, root)
        _draw(catalogue, faces, sheet, fabrics)
        click.echo(sheet)
        return 0
    rows = _fabric_rows(catalogue) if fabrics else _style_rows(catalogue)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        click.echo(_line(row))
    return 0


def _style_rows(catalogue: Catalogue) -> list[dict[str, Any]]:
    rows = []
    for name in catalogue.names():
        spec = catalogue.spec(name)
        rows.append(
            {
                "style": name,
                "title": spec.title,
                "kind": spec.kind,
                "weight": spec.weight,
                "wears": list(spec.wears),
                "colors": [color for color, _ in spec.material.colors],
                "takes_fabrics": spec.material.printable,
            }
        )
    return rows


def _fabric_rows(catalogue: Catalogue) -> list[dict[str, Any]]:
    return [{"fabric": name, "size_mm": fabric.size_mm} for name, fabric in sorted(catalogue.fabrics.items())]


def _line(row: dict[str, Any]) -> str:
    if "fabric" in row:
        return f"{row['fabric']:<20} repeats every {row['size_mm']:g} mm"
    colors, fabrics = len(row["colors"]), ", fabrics" if row["takes_fabrics"] else ""
    worn = "any wear" if len(row["wears"]) == 4 else ", ".join(row["wears"])
    return f"{row['style']:<16} {row['title']} ({colors} colours{fabrics}; {worn})"


def _faces(sample_id: str | None, dataset: str | None, root: Path | None) -> list[Face]:
    from ..datasets import find_dataset
    from ..errors import UsageError
    from ..io.images import read_image
    from ..landmarks import apparent_pose, landmarks_for
    from ..synth.portrait import portrait

    if sample_id is None:
        if dataset is not None or root is not None:
            raise UsageError("--dataset and --root need --on ID: which of its samples to draw on")
        return [portrait(yaw, pitch) for yaw, pitch in _VIEWS]
    fmt, folder = find_dataset(dataset, root)
    for entry in fmt.index(folder):
        if sample_id in (entry.id, entry.id.rsplit("/", 1)[-1]):
            sample = fmt.read(folder, entry)
            pixels = read_image(folder / entry.image).bgr
            return [(pixels, landmarks_for(sample), apparent_pose(sample))]
    raise UsageError(
        f"no sample {sample_id!r} in {fmt.name} at {folder}; maskgen inspect shows what ids look like"
    )


def _draw(catalogue: Catalogue, faces: list[Face], sheet: Path, fabrics: bool) -> None:
    from ..errors import UsageError
    from ..report.contact import contact_sheet, write_sheet
    from ..report.styles import fabric_tiles, style_tiles

    size = sum(face[0].shape[1] for face in faces), faces[0][0].shape[0]
    if not fabrics:
        write_sheet(sheet, contact_sheet(style_tiles(catalogue, faces), max(1, 1800 // size[0]), size))
        return
    printable = [name for name in catalogue.names() if catalogue.spec(name).material.printable]
    if not catalogue.fabrics or not printable:
        raise UsageError("the catalogue holds no fabric, or no style that takes one")
    one = faces[:1]
    tiles = fabric_tiles(catalogue, one, "cloth" if "cloth" in printable else printable[0])
    write_sheet(sheet, contact_sheet(tiles, 6, (one[0][0].shape[1], size[1])))
