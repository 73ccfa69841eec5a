"""The networks as a table: paper, size, input, parameters, published numbers, licence, what was ambiguous."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from .contract import ModelCard, count_parameters
from .registry import list_models, model_class

#: networks that are compared with but cannot be built: no code and no sufficient description was found
TABLE_ONLY: Mapping[str, ModelCard] = {
    "osggnet": ModelCard(
        title="OsGG-Net",
        paper="OsGG-Net: One-step Graph Generation Network for Unbiased Head Pose Estimation, ACM MM 2021",
        year=2021,
        licence="no public code",
        published={"p1-aflw2000": (3.96, 5.71, 3.51, 4.39), "p1-biwi": (3.26, 4.85, 3.38, 3.83)},
        ambiguities=(
            "Neither code nor a description sufficient to rebuild the network was found: its numbers are "
            "listed and its metric, the mean over angle bins, is computed for every network (UBMAE).",
        ),
    )
}


@dataclass(frozen=True)
class Row:
    """One network. parameters: as trained; inference: of the exported graph; None = cannot be built."""

    name: str
    card: ModelCard
    size: int | None
    channels: str
    crop: str
    batches: str
    parameters: int | None
    inference: int | None
    options: tuple[str, ...] = ()

    @property
    def megabytes(self) -> float | None:
        """Size of the inference weights as float32, in 10^6 bytes."""
        return None if self.inference is None else self.inference * 4 / 1e6

    def published(self, protocol: str) -> float | None:
        """The published MAE for a protocol: that of the bare id, else the lowest among its remarks."""
        exact = self.card.published.get(protocol)
        if exact is not None:
            return exact[3]
        found = [v[3] for k, v in self.card.published.items() if k.split(" ")[0] == protocol]
        known = [v for v in found if v is not None]
        return min(known) if known else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        tree = asdict(self)
        tree["card"]["published"] = {k: list(v) for k, v in self.card.published.items()}
        return {**tree, "megabytes": self.megabytes}


def row(name: str) -> Row:
    """What there is to say about one network. Raises UsageError for an unknown name.

    The network is built without memory for its weights, so this costs milliseconds for any size.
    """
    if name in TABLE_ONLY:
        return Row(name, TABLE_ONLY[name], None, "", "", "", None, None)
    from .registry import accepted_options

    cls = model_class(name)
    with torch.device("meta"):
        model = cls()
        parameters = count_parameters(model)
        inference = count_parameters(model.export_view())
    spec = model.input_spec
    numbers = "raw 0..255" if spec.raw else "0..1, scaled"
    return Row(
        name,
        cls.card,
        spec.size,
        f"{spec.channels.upper()}, {numbers}",
        spec.crop,
        cls.batch_spec,
        parameters,
        inference,
        tuple(accepted_options(cls)),
    )


def rows(names: Sequence[str] = ()) -> list[Row]:
    """The rows of the given networks, of all where none is named."""
    return [row(name) for name in (names or [*list_models(), *TABLE_ONLY])]
