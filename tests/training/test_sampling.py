"""Which clips come together: classes, instruments, domains; epochs as published."""

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unmask.data.prepare.prepared import PreparedSet
from unmask.data.prepare.shards import Row
from unmask.training.networks import build
from unmask.training.sampling import Balanced, Epochs
from unmask.training.settings import Batches, presets, read_settings
from unmask.types import ClipSpec, DataError, Label, Presentation

INSTRUMENTS = ("", "", "print/a", "replay/b")


def rows_of(domains: Any, *, clips: Any = 2, recordings: Any = 8) -> Any:
    """For each domain, of which the first is much larger: half bona fide, half two instruments."""
    return [
        Row(
            presentation=Presentation(
                path=f"{domain}-{number}",
                label=Label.ATTACK if INSTRUMENTS[number % 4] else Label.BONA_FIDE,
                instrument=INSTRUMENTS[number % 4],
                subject=f"{domain}-{number}",
                domain=domain,
            ),
            number=k,
            source="toy",
        )
        for place, domain in enumerate(domains)
        for number in range(recordings * (5 if place == 0 else 1))
        for k in range(clips)
    ]


def set_of(rows: Any, root: Any) -> Any:
    return PreparedSet(root, ClipSpec(), 32, tuple(rows), ())


def draw(rows: Any, root: Any, *, parts: Any = 1, step: Any = 0, **settings: Any) -> Any:
    batches = Batches(**settings)
    return Balanced(set_of(rows, root), batches=batches).numbers(np.random.default_rng(step), parts=parts)


def test_domains_come_equally_within_each_class(tmp_path: Path) -> None:
    rows = rows_of(["home", "office", "street"])
    (numbers,) = draw(rows, tmp_path, size=60, domains="equally")
    counted = Counter((rows[n].label, rows[n].presentation.domain) for n in numbers)
    assert set(counted.values()) == {10}
    assert len(counted) == 6


def test_domains_come_as_prepared_unless_asked(tmp_path: Path) -> None:
    rows = rows_of(["home", "office", "street"])
    drawn = Counter(
        rows[n].presentation.domain for step in range(50) for n in draw(rows, tmp_path, step=step, size=60)[0]
    )
    assert drawn["home"] / sum(drawn.values()) == pytest.approx(5 / 7, abs=0.06)


def test_a_domain_without_an_instrument_is_no_obstacle(tmp_path: Path) -> None:
    rows = [
        row
        for row in rows_of(["home", "office"])
        if (row.presentation.domain, row.instrument) != ("office", "print/a")
    ]
    (numbers,) = draw(rows, tmp_path, size=40, domains="equally")
    drawn = Counter((rows[n].presentation.domain, rows[n].instrument) for n in numbers)
    assert drawn[("office", "")] == drawn[("office", "replay/b")] == 10


def test_one_domain_cannot_be_balanced(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has one domain, 'home'; drop"):
        draw(rows_of(["home"]), tmp_path, size=4, domains="equally")


def test_the_preset_of_fghv_trains_on_a_set_of_one_domain_and_balances_its_classes(tmp_path: Path) -> None:
    batches = read_settings("fghv.toml").batches
    rows = rows_of(["siw-m"])
    (numbers,) = Balanced(set_of(rows, tmp_path), batches=batches).numbers(np.random.default_rng(0), parts=1)
    assert Counter(rows[n].label for n in numbers) == {Label.BONA_FIDE: 30, Label.ATTACK: 30}
    rows = rows_of(["o", "c", "m"])
    (numbers,) = Balanced(set_of(rows, tmp_path), batches=batches).numbers(np.random.default_rng(0), parts=1)
    assert set(Counter((rows[n].label, rows[n].presentation.domain) for n in numbers).values()) == {10}


def test_every_part_of_a_step_has_both_classes_and_all_domains(tmp_path: Path) -> None:
    rows = rows_of(["home", "office"])
    dealt = draw(rows, tmp_path, size=8, parts=3, domains="equally")
    assert dealt.shape == (3, 8)
    for part in dealt:
        assert len({(rows[n].label, rows[n].presentation.domain) for n in part}) == 4


def test_what_two_parts_see_is_what_one_of_double_size_sees(tmp_path: Path) -> None:
    rows = rows_of(["home"])
    two, one = draw(rows, tmp_path, size=4, parts=2), draw(rows, tmp_path, size=8)
    assert sorted(two.ravel()) == sorted(one.ravel())


def epochs(rows: Any, **settings: Any) -> Any:
    return Epochs(rows, batches=Batches(order="epochs", **settings), seed=1)


def test_an_epoch_sees_every_clip_once_in_an_order_of_its_own() -> None:
    rows = rows_of(["home"])  # 80 clips
    drawn = epochs(rows, size=4)
    first, second = (
        np.concatenate([drawn.numbers(step, parts=1)[0] for step in range(start, start + 20)])
        for start in (0, 20)
    )
    assert sorted(first) == sorted(second) == list(range(80))
    assert first.tolist() != second.tolist()


def test_an_epoch_has_about_sixteen_clips_of_the_living_and_four_of_attacks() -> None:
    rows = rows_of(["home"], clips=48, recordings=4)
    drawn = epochs(rows, size=2, clips_bona_fide=16, clips_attack=4)
    numbers = np.concatenate([drawn.numbers(step, parts=1)[0] for step in range(drawn.fewest // 2)])
    counted = Counter(rows[n].name for n in numbers)
    wanted = {row.name: 16 if row.label is Label.BONA_FIDE else 4 for row in rows}
    assert counted == wanted
    one = sorted(rows[n].number for n in numbers if rows[n].name == "home-2")
    assert np.diff(one).tolist() == [12, 12, 12]  # spread over the presentation


@cache
def presets_of_clips() -> Any:
    """The batches of every preset whose network sees several frames at once."""
    found = {}
    for name in presets():
        settings = read_settings(name)
        with torch.device("meta"):
            if build(settings, init=None).multi_frame:
                found[name.removesuffix(".toml")] = settings.batches
    return found


def test_every_network_of_clips_sees_two_clips_of_an_attack_for_fourteen_of_a_bona_fide_video() -> None:
    rows = rows_of(["home"], clips=14, recordings=4)  # a video of OULU-NPU, a clip every ten frames
    expected = {row.name: 14 if row.label is Label.BONA_FIDE else 2 for row in rows}
    for name, batches in presets_of_clips().items():
        whole = replace(batches, size=2)  # so that no batch of the epoch is left out for its size
        drawn = Epochs(rows, batches=whole, seed=1)
        numbers = np.concatenate([drawn.numbers(step, parts=1)[0] for step in range(drawn.fewest // 2)])
        assert Counter(rows[n].name for n in numbers) == expected, name


def test_the_presets_of_clips_are_the_six_and_all_thin_an_epoch_as_published() -> None:
    published = {
        name: (batches.order, batches.clips_bona_fide, batches.clips_attack)
        for name, batches in presets_of_clips().items()
    }
    names = ("sgtd_multi", "sgtd_m_multi", "sgtd_s_multi", "off_gru_multi", "off_gru_s_multi", "sgtd_e")
    assert published == dict.fromkeys(names, ("epochs", 16, 2))


def test_a_step_of_an_epoch_does_not_depend_on_the_steps_before_it() -> None:
    rows = rows_of(["home"])
    whole, late = epochs(rows, size=4), epochs(rows, size=4)
    before = [whole.numbers(step, parts=1).tolist() for step in range(50)]
    assert late.numbers(33, parts=1).tolist() == before[33]


def test_parts_share_the_clips_of_a_step_of_an_epoch() -> None:
    rows = rows_of(["home"])
    one, two = epochs(rows, size=8), epochs(rows, size=4)
    assert one.numbers(3, parts=1).ravel().tolist() == two.numbers(3, parts=2).ravel().tolist()


def test_sets_put_together_keep_people_and_domains_apart(tmp_path: Path) -> None:
    sets = [
        PreparedSet(tmp_path / name / "train", ClipSpec(), 32, tuple(rows_of([""])), ())
        for name in ("o", "c")
    ]
    joined = PreparedSet.joined(sets)
    assert len(joined.rows) == len(sets[0].rows) + len(sets[1].rows)
    assert len({row.subject for row in joined.rows}) == 2 * len({row.subject for row in sets[0].rows})
    assert {row.presentation.domain for row in joined.rows} == {str(tmp_path / "o"), str(tmp_path / "c")}


def test_sets_cut_in_different_ways_are_not_put_together(tmp_path: Path) -> None:
    rows = tuple(rows_of(["home"]))
    one, other = (PreparedSet(tmp_path, ClipSpec(frames=n), 32, rows, ()) for n in (5, 3))
    with pytest.raises(DataError, match="prepare them alike"):
        PreparedSet.joined([one, other])
