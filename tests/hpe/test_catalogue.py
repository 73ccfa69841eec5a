"""The table of networks: complete, countable, and honest about what cannot be built."""

from __future__ import annotations

import pytest

from maskgen.hpe.catalogue import TABLE_ONLY, row, rows
from maskgen.hpe.registry import list_models

#: networks of sources without code: every one must say what was left open
RECONSTRUCTED = ("siamese_rank", "mhpe", "glpose", "retinapose_mnet025", "retinapose_r50", "trinet")


def test_table_has_every_network_and_the_one_that_cannot_be_built():
    table = {r.name: r for r in rows()}
    assert set(table) == {*list_models(), *TABLE_ONLY}
    for r in table.values():
        assert r.card.paper
        assert r.card.licence
        if r.name not in TABLE_ONLY:
            assert r.parameters >= r.inference > 1000
            assert r.megabytes == pytest.approx(r.inference * 4e-6)
    assert table["osggnet"].parameters is None
    assert table["osggnet"].published("p1-aflw2000") == 4.39


@pytest.mark.parametrize("name", RECONSTRUCTED)
def test_reconstructed_networks_say_what_their_source_leaves_open(name):
    assert len(row(name).card.ambiguities) >= 5


def test_parameters_of_the_table_are_the_published_counts():
    assert row("retinapose_mnet025").parameters == 426_608 + 2_340
    assert row("retinapose_r50").parameters == 27_293_600 + 9_252
    assert row("siamese_rank").inference == 23_514_179
    assert row("sixdrepnet").inference == 39_311_104 + 12_294
    assert row("hopenet").parameters == 23_913_734


def test_published_rows_average_to_their_means_unless_a_column_is_missing():
    for r in rows():
        for protocol, (yaw, pitch, roll, mean) in r.card.published.items():
            if mean is None or None in (yaw, pitch, roll) or "range-weighted" in protocol:
                continue
            if r.name in ("fsanet_caps_1x1", "ssrnet_md"):
                # rows whose published mean does not follow from their columns
                continue
            assert (yaw + pitch + roll) / 3 == pytest.approx(mean, abs=0.0101), (r.name, protocol)


def test_the_bare_protocol_wins_over_remarks_and_the_lowest_remark_otherwise():
    assert row("glpose").published("p1-aflw2000") == 3.73
    assert row("mhpe").published("p1-biwi") == 3.98
    assert row("siamese_rank").published("p1-biwi") is None
