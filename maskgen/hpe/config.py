"""The configuration of a training run: YAML with ``extends``, dotted overrides, and checked keys.

Every key is a field of the dataclasses below, with its default and its unit; a key that is none of them, or
a value of the wrong kind, is refused with the key's name and what is accepted. The fully resolved copy is
written beside the results, so a run can be repeated from its own folder.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from ..errors import MissingDependency, UsageError
from ..io.files import read_given
from .typed import dataclass_from


@dataclass
class ModelSection:
    """Which network. options: keyword options of its constructor. weights: a checkpoint to start from."""

    name: str = "fastpose"
    options: dict[str, Any] = field(default_factory=dict)
    weights: str | None = None


@dataclass
class DataSection:
    """What is learned from and measured on; expressions are those of maskgen.hpe.mixture.

    protocol: fills train and test where they are empty. val: a fraction of the groups of the training set
    held out for model selection, or an expression of its own. root: folder in which names are looked up.
    crop, size: "auto" and null = the network's own. cache: folder of the crop caches; cache_margin: how much
    more than the crop is stored around training faces, for turns and shifts; cache_px: its side in pixels.
    angle_limit: heads with a larger |angle| in degrees are dropped; null keeps all.
    workers: processes that build caches, 0 = all cores.
    resident: hold the training crops in the device's memory (auto: if they take under a third of it).
    """

    protocol: str | None = None
    train: str | None = None
    val: str | float = 0.1
    test: dict[str, str] = field(default_factory=dict)
    root: str | None = None
    crop: str = "auto"
    size: int | None = None
    cache: str = "~/.cache/maskgen/crops"
    cache_margin: float = 1.25
    cache_px: int | None = None
    workers: int = 1
    angle_limit: float | None = 99.0
    resident: Literal["auto", "always", "never"] = "auto"


@dataclass
class AugmentSection:
    """Training-time changes, drawn anew for every picture and step; probabilities 0..1, zeros are off.

    rotate: probability of an in-plane turn, uniform in +-rotate_deg, label Rz(-t) R. zoom: factors of the
    crop box; shift: of the crop's side. mask: probability that a face mask is pasted on the landmarks.
    color: brightness, contrast and saturation factors within 1 +- color; noise: std of pixels in 0..255.
    policy_jitter: draw the crop policy's own training range (hopenet's k) instead of its test value.
    """

    policy_jitter: bool = True
    flip: float = 0.5
    rotate: float = 0.0
    rotate_deg: float = 45.0
    zoom: list[float] = field(default_factory=lambda: [0.9, 1.1])
    shift: float = 0.03
    color: float = 0.2
    gray: float = 0.05
    blur: float = 0.05
    lowres: float = 0.0
    noise: float = 3.0
    mask: float = 0.0


@dataclass
class TrainSection:
    """How it is learned. lr is the rate of a group with lr_scale 1; ema: decay, 0 = off; clip: norm, 0 = off.

    amp: bf16 autocast (auto: on CUDA). schedule: cosine to min_lr, step by gamma at milestones (epochs), or
    constant; warmup in epochs. steps_per_epoch: null = once through the training set. batch is per process.
    bn_batches: BatchNorm's running statistics are measured anew on so many training batches with the last
    weights, 0 = off; short runs need it where the statistics are slow (0.01 a step in FSA-Net).
    """

    epochs: int = 25
    steps_per_epoch: int | None = None
    batch: int = 64
    lr: float = 1e-3
    weight_decay: float = 0.0
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
    momentum: float = 0.9
    schedule: Literal["cosine", "step", "constant"] = "cosine"
    milestones: list[float] = field(default_factory=list)
    gamma: float = 0.1
    warmup: float = 0.0
    min_lr: float = 0.0
    clip: float = 1.0
    ema: float = 0.0
    bn_batches: int = 0
    amp: Literal["auto", "bf16", "off"] = "auto"
    channels_last: bool = True
    compile: bool = False
    sync_bn: bool = False
    deterministic: bool = True
    checkpoint_every: int = 1
    keep: int = 2
    val_every: int = 1
    log_every: int = 20
    collapse_after: int = 2


@dataclass
class EvalSection:
    """How it is measured. metric: sixdrep_legacy is for old numbers only. checkpoint: last or best."""

    batch: int = 128
    metric: Literal["wrapped", "sixdrep_legacy"] = "wrapped"
    checkpoint: Literal["last", "best"] = "last"
    resamples: int = 10_000


@dataclass
class Config:
    """A whole run. seed: of initial weights, order, and augmentation; the same seed gives the same run."""

    name: str = "run"
    seed: int = 0
    device: str = "auto"
    model: ModelSection = field(default_factory=ModelSection)
    data: DataSection = field(default_factory=DataSection)
    augment: AugmentSection = field(default_factory=AugmentSection)
    train: TrainSection = field(default_factory=TrainSection)
    eval: EvalSection = field(default_factory=EvalSection)

    def as_dict(self) -> dict[str, Any]:
        """Nested plain dictionaries, ready for YAML or JSON."""
        return dataclasses.asdict(self)


#: smallest accepted value, and whether it is itself accepted, for numbers that have a bound
_BOUNDS: dict[str, tuple[float, bool]] = {
    "seed": (0, True),
    "data.size": (8, True),
    "data.workers": (0, True),
    "data.cache_margin": (1.0, True),
    "data.cache_px": (8, True),
    "data.angle_limit": (0, False),
    "train.epochs": (1, True),
    "train.steps_per_epoch": (1, True),
    "train.batch": (1, True),
    "train.lr": (0, False),
    "train.min_lr": (0, True),
    "train.weight_decay": (0, True),
    "train.warmup": (0, True),
    "train.gamma": (0, False),
    "train.collapse_after": (0, True),
    "train.clip": (0, True),
    "train.bn_batches": (0, True),
    "train.checkpoint_every": (1, True),
    "train.keep": (1, True),
    "train.val_every": (1, True),
    "train.log_every": (1, True),
    "eval.batch": (1, True),
    "eval.resamples": (100, True),
    "augment.rotate_deg": (0, True),
    "augment.shift": (0, True),
    "augment.color": (0, True),
    "augment.noise": (0, True),
}
#: greatest accepted value, for numbers that have one
_LIMITS = {"augment.color": 1.0, "augment.shift": 1.0, "augment.rotate_deg": 180.0}
_PROBABILITIES = ("flip", "rotate", "gray", "blur", "lowres", "mask")
#: how often files and lines are written: nothing that is learned or measured depends on it
HOUSEKEEPING = ("train.checkpoint_every", "train.keep", "train.log_every")


def load(source: str | Path, overrides: Sequence[str] = ()) -> Config:
    """The configuration of a YAML file or a preset's name, with ``key=value`` overrides applied in order.

    Raises UsageError for a missing file, broken YAML, an unknown key, a value that does not fit, or a circle
    of ``extends``.
    """
    tree = _load_tree(source, ())
    for key, value in parse_overrides(overrides).items():
        _assign(tree, key, value)
    return build(tree)


def parse_overrides(texts: Sequence[str]) -> dict[str, Any]:
    """Dotted key -> value of ``key=value`` texts, values read as YAML. Raises UsageError."""
    out: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"an override is written key=value, got {text!r}; for example train.epochs=5")
        out[key.strip()] = _yaml(value, f"--set {key}")
    return out


def read_tree(source: str | Path) -> dict[str, Any]:
    """The merged dictionary of a YAML file or preset and what it extends, keys unchecked."""
    return _load_tree(source, ())


def build(tree: Mapping[str, Any]) -> Config:
    """A Config from nested dictionaries; see `load` for what is raised."""
    config: Config = dataclass_from(Config, dict(tree))
    for key, (bound, inclusive) in _BOUNDS.items():
        value = dotted(config, key)
        if value is not None and not (value >= bound if inclusive else value > bound):
            raise UsageError(f"{key} must be {'at least' if inclusive else 'above'} {bound:g}, got {value!r}")
    for key, most in _LIMITS.items():
        if (value := dotted(config, key)) > most:
            raise UsageError(f"{key} must be at most {most:g}, got {value!r}")
    for name in _PROBABILITIES:
        if not 0.0 <= (chance := getattr(config.augment, name)) <= 1.0:
            raise UsageError(f"augment.{name} is a probability in 0..1, got {chance!r}")
    zoom = config.augment.zoom
    if len(zoom) != 2 or not 0.0 < zoom[0] <= zoom[1]:
        raise UsageError(f"augment.zoom is two factors [low, high] with 0 < low <= high, got {zoom!r}")
    for name, what in (("ema", "a decay in 0..1 (0 = off)"), ("momentum", "a share in 0..1")):
        if not 0.0 <= (share := getattr(config.train, name)) < 1.0:
            raise UsageError(f"train.{name} is {what}, below 1, got {share!r}")
    if config.train.warmup > config.train.epochs:
        raise UsageError(
            f"train.warmup {config.train.warmup:g} is longer than train.epochs {config.train.epochs}"
        )
    if isinstance(config.data.val, float) and not 0.0 <= config.data.val < 1.0:
        raise UsageError(f"data.val is a fraction below 1 or an expression, got {config.data.val!r}")
    return config


def dotted(config: Any, key: str) -> Any:
    """The value at a dotted key such as ``train.lr``."""
    for part in key.split("."):
        config = config[part] if isinstance(config, Mapping) else getattr(config, part)
    return config


def with_overrides(config: Config, overrides: Mapping[str, Any]) -> Config:
    """A copy with dotted keys replaced: the settings of one training stage. Raises UsageError like `load`."""
    tree = config.as_dict()
    for key, value in overrides.items():
        _assign(tree, key, value)
    return build(tree)


def identity(config: Config) -> dict[str, Any]:
    """What makes a run the same run: all settings, with those of `HOUSEKEEPING` at their defaults."""
    usual = Config()
    return with_overrides(config, {key: dotted(usual, key) for key in HOUSEKEEPING}).as_dict()


def to_yaml(config: Config) -> str:
    """The fully resolved configuration as YAML text."""
    return str(_pyyaml().safe_dump(config.as_dict(), sort_keys=False, allow_unicode=True))


def preset_names() -> list[str]:
    """Names of the shipped presets, such as ``quick/model2``."""
    root = _preset_root()
    return sorted(p.relative_to(root).with_suffix("").as_posix() for p in root.rglob("*.yaml"))


def _preset_root() -> Path:
    return Path(__file__).parent / "presets"


def _locate(source: str | Path, parent: Path | None) -> Path:
    path = Path(source).expanduser()
    if parent is not None and not path.is_absolute() and (parent / path).is_file():
        return parent / path
    if path.is_file():
        return path
    preset = _preset_root() / f"{str(source).removesuffix('.yaml')}.yaml"
    if preset.is_file():
        return preset
    near = get_close_matches(str(source), preset_names(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"presets are {', '.join(preset_names())}"
    raise UsageError(f"no configuration {str(source)!r}: neither a YAML file nor a preset; {hint}")


def _load_tree(source: str | Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    path = _locate(source, seen[-1].parent if seen else None).resolve()
    if path in seen:
        circle = " -> ".join(p.name for p in (*seen, path))
        raise UsageError(f"configurations extend each other in a circle: {circle}")
    try:
        text = read_given(path)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the configuration {path}: {error}") from error
    tree: Any = _yaml(text, str(path)) or {}
    if not isinstance(tree, dict):
        raise UsageError(f"{path} must hold key: value lines, got a {type(tree).__name__}")
    parents = tree.pop("extends", None) or []
    parents = [parents] if isinstance(parents, str) else parents
    if not isinstance(parents, list) or not all(isinstance(p, str) for p in parents):
        raise UsageError(f"extends of {path} is a file, a preset's name, or a list of them, got {parents!r}")
    merged: dict[str, Any] = {}
    for parent in parents:
        merged = _merge(merged, _load_tree(parent, (*seen, path)))
    result: dict[str, Any] = _merge(merged, tree)
    return result


def _merge(base: Any, top: Any) -> Any:
    """Dictionaries are merged key by key; anything else of ``top`` replaces ``base``."""
    if not (isinstance(base, dict) and isinstance(top, dict)):
        return top
    if base.get("name") != top.get("name", base.get("name")) and "options" in base:
        # options belong to the network they were written for
        base = {k: v for k, v in base.items() if k != "options"}
    return {**base, **{k: _merge(base[k], v) if k in base else v for k, v in top.items()}}


def _assign(tree: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    node = tree
    for part in parents:
        child = node.setdefault(part, {})
        if not isinstance(child, dict):
            raise UsageError(f"{key} does not exist: {part} is a single value, not a section")
        node = child
    node[last] = value


def _yaml(text: str, where: str) -> Any:
    yaml = _pyyaml()
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{where} is not valid YAML: {' '.join(str(error).split())}") from error


def _pyyaml() -> Any:
    try:
        import yaml
    except ImportError:
        raise MissingDependency("training needs PyYAML: pip install 'maskgen[train]'") from None
    return yaml
