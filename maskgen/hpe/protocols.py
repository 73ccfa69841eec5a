"""Named protocols: which pictures to learn from and which to measure on, so that a number has a meaning.

The literature calls the same thing "protocol 1" and "protocol 2" in both orders; these ids are unambiguous.
A BIWI number without its variant means little: the subset, crop and Euler order alone move it by degrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..errors import UsageError
from .config import Config


@dataclass(frozen=True)
class Protocol:
    """train: data expression. test: name -> data expression. note: what a reader of its numbers must know."""

    id: str
    title: str
    train: str
    test: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


PROTOCOLS: dict[str, Protocol] = {
    p.id: p
    for p in (
        Protocol(
            "p1-aflw2000",
            "train 300W-LP, test AFLW2000",
            "300W-LP",
            {"AFLW2000": "AFLW2000"},
            "31 of 2,000 pictures have an |angle| above 99 degrees and are dropped",
        ),
        Protocol(
            "p1-biwi",
            "train 300W-LP, test all usable frames of BIWI",
            "300W-LP",
            {"BIWI": "BIWI"},
            "uncalibrated pose.txt labels, crops from projected landmarks, all 15,678 frames",
        ),
        Protocol(
            "p2-biwi-video",
            "train 16 sequences of BIWI, test the other 8 (frozen list)",
            "BIWI@biwi-video:train",
            {"BIWI": "BIWI@biwi-video:test"},
            "the published split was never released; this list is the project's own",
        ),
        Protocol(
            "p2-biwi-random",
            "train 70 % of BIWI's frames, test the rest",
            "BIWI@biwi-random:train",
            {"BIWI": "BIWI@biwi-random:test"},
            "leaks identity: neighbouring frames are on both sides; only for comparison with such numbers",
        ),
    )
}


def get_protocol(name: str) -> Protocol:
    """The protocol of that id. Raises UsageError with the ids there are."""
    if name not in PROTOCOLS:
        raise UsageError(f"protocol must be one of {', '.join(PROTOCOLS)}, got {name!r}")
    return PROTOCOLS[name]


def applied(config: Config) -> Config:
    """The configuration with train and test filled in by its protocol where it leaves them open.

    Raises UsageError if there is still nothing to train on.
    """
    data = config.data
    if data.protocol is not None:
        protocol = get_protocol(data.protocol)
        data = replace(data, train=data.train or protocol.train, test=dict(data.test or protocol.test))
    if not data.train:
        raise UsageError(
            "data.train is empty: write a data expression such as '300W-LP + 300W-LP_masked*0.5', "
            f"or set data.protocol to one of {', '.join(PROTOCOLS)}"
        )
    return replace(config, data=data)
