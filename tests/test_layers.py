"""Who may import whom: downward only, torch only where it may be, pure parts pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: layer of every unit of maskgen (a file or a folder right under it); a new unit must be given one here
LAYERS = {
    **dict.fromkeys(("errors", "interrupt"), 1),
    **dict.fromkeys(("geometry", "io", "command_line"), 2),
    "sample": 3,
    **dict.fromkeys(("datasets", "landmarks", "masks", "jobs"), 4),
    **dict.fromkeys(("paint", "recipe"), 5),
    **dict.fromkeys(("apply", "apply_one", "transforms", "synth", "checks", "hpe", "report"), 6),
    "release": 7,
    **dict.fromkeys(("cli", "__main__"), 8),
}
#: the only steps within a layer: file formats speak of cameras, -m starts the command line, and whoever
#: measures may draw what was measured (report itself knows none of them)
SIDEWAYS = {("io", "geometry"), ("__main__", "cli"), ("hpe", "report"), ("checks", "report")}
#: one unit in two files
TOGETHER = {"apply_one": "apply"}
ROTAUG_MAY_USE = {"errors", "interrupt", "command_line", "geometry", "io", "sample", "datasets", "jobs"}
MAY_USE_ROTAUG = {"hpe", "cli"}
#: modules that touch files; geometry and paint are arrays in, arrays out
FILE_MODULES = {"os", "io", "pathlib", "shutil", "tempfile", "importlib.resources", "maskgen.io"}
FILE_CALLS = {"open", "imread", "imwrite", "fromfile", "tofile", "savez", "loadtxt", "savetxt"}


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Every imported module in full, its line, and whether it is imported when the file is."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    here = name_of(path).split(".")
    package = here if path.name == "__init__.py" else here[:-1]
    inner = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    guarded = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        eager = node not in inner and node not in guarded
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, eager
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module, node.lineno, eager
            for alias in node.names:  # `from .. import paint` imports a unit by its name
                yield f"{module}.{alias.name}", node.lineno, eager


def unit_of(module: str) -> str | None:
    """The unit of maskgen a module belongs to; None for the package itself and for other packages."""
    parts = module.split(".")
    if parts[0] != "maskgen" or len(parts) < 2 or not exists("maskgen", parts[1]):
        return None
    return TOGETHER.get(parts[1], parts[1])


def exists(package: str, unit: str) -> bool:
    return (ROOT / package / f"{unit}.py").is_file() or (ROOT / package / unit).is_dir()


def ids(path: Path) -> str:
    return name_of(path)


def test_every_unit_has_a_layer():
    found = {path.stem if path.is_file() else path.name for path in (ROOT / "maskgen").iterdir()}
    found -= {"__init__", "__pycache__", "py"}
    assert found <= set(LAYERS), f"give {sorted(found - set(LAYERS))} a layer in LAYERS"


@pytest.mark.parametrize("path", modules("maskgen"), ids=ids)
def test_imports_point_downward(path):
    own = unit_of(name_of(path))
    if own is None:
        own_layer, own = 0, "maskgen"
    else:
        own_layer = LAYERS[own]
    for module, line, _ in imports(path):
        other = unit_of(module)
        if other is None or other == own or (own, other) in SIDEWAYS:
            continue
        assert LAYERS[other] < own_layer, (
            f"{path.relative_to(ROOT)}:{line} imports {module}: {other} is layer {LAYERS[other]}, "
            f"{own} is layer {own_layer}; imports point downward only"
        )


@pytest.mark.parametrize("path", modules("rotaug"), ids=ids)
def test_rotaug_uses_only_what_it_may(path):
    for module, line, _ in imports(path):
        other = unit_of(module)
        assert other is None or other in ROTAUG_MAY_USE, f"{path.name}:{line} imports {module}"


def test_only_the_harness_and_the_command_line_use_rotaug():
    for path in modules("maskgen"):
        if unit_of(name_of(path)) in MAY_USE_ROTAUG:
            continue
        for module, line, _ in imports(path):
            assert module.split(".")[0] != "rotaug", f"{path.relative_to(ROOT)}:{line}"


@pytest.mark.parametrize("path", [*modules("maskgen"), *modules("rotaug")], ids=ids)
def test_torch_is_imported_only_where_it_may_be(path):
    name = name_of(path)
    for module, line, eager in imports(path):
        if module.split(".")[0] not in ("torch", "torchvision", "face_alignment", "timm"):
            continue
        where = f"{path.relative_to(ROOT)}:{line}"
        assert name.startswith(("maskgen.hpe.", "rotaug.")) or name == "maskgen.landmarks.detector", where
        if not name.startswith("maskgen.hpe."):
            assert not eager, f"{where}: import {module} inside the function that needs it"


@pytest.mark.parametrize("path", [*modules("maskgen/geometry"), *modules("maskgen/paint")], ids=ids)
def test_geometry_and_paint_touch_no_files(path):
    for module, line, _ in imports(path):
        assert module not in FILE_MODULES, f"{path.relative_to(ROOT)}:{line} imports {module}"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            assert name not in FILE_CALLS, f"{path.relative_to(ROOT)}:{node.lineno} calls {name}"


@pytest.mark.parametrize("path", [*modules("maskgen/cli"), ROOT / "maskgen/command_line.py"], ids=ids)
def test_help_needs_no_heavy_import(path):
    light = {"click", "maskgen", "rotaug", "__future__"}
    import sys

    for module, line, eager in imports(path):
        top = module.split(".")[0]
        if not eager or top in sys.stdlib_module_names:
            continue
        assert top in light, f"{path.name}:{line} imports {module} when the command line starts"
        unit = unit_of(module)
        assert unit in (None, "errors", "interrupt", "command_line", "cli"), (
            f"{path.name}:{line} imports {module} when it starts"
        )


def test_these_rules_can_be_broken(tmp_path, monkeypatch):
    """The reader of imports sees relative, absolute, lazy and guarded imports for what they are."""
    package = tmp_path / "maskgen" / "geometry"
    package.mkdir(parents=True)
    (tmp_path / "maskgen" / "paint").mkdir()
    file = package / "bad.py"
    file.write_text(
        "from ..paint import tone\nfrom .. import paint\nimport maskgen.paint.tone\n"
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n"
        "def f():\n    import torch.nn\n"
    )
    monkeypatch.setattr(__import__("sys").modules[__name__], "ROOT", tmp_path)
    found = {(module, eager) for module, _, eager in imports(file)}
    assert {("maskgen.paint", True), ("maskgen.paint.tone", True)} <= found
    assert {("torch", False), ("torch.nn", False)} <= found
    assert ("torch", True) not in found
