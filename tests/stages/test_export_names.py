"""Names inside an export: what meets gets a number, and nothing else does."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from pictures import encoded

import oneofeach
from oneofeach.stages.export import FORMATS
from oneofeach.stages.export.naming import STEMS, Names, Wish, digests

BASES = st.sampled_from(["x", "X", "x-2", "x-2-2", "x-02", "x.seg", "x-2.seg", "-3", "y", "x_seg"])
WISHES = st.lists(
    st.builds(
        lambda folder, base, extension, origin: Wish(folder + base, extension, origin),
        st.sampled_from(["", "f/", "F/"]),
        BASES,
        st.sampled_from(["png", "jpg", "seg.png"]),
        st.sampled_from(["a", "b"]),
    ),
    max_size=14,
)


@given(WISHES, st.sampled_from(FORMATS))
def test_no_two_files_meet_and_only_one_origin_has_a_stem(wishes: list[Wish], format: str) -> None:
    names = Names(format)
    given = [names.give(wish) for wish in wishes]
    whole = [name if format in STEMS else f"{name}.{wish.extension}" for name, wish in zip(given, wishes, strict=True)]
    assert len({one.casefold() for one in whole}) == len(wishes)
    origins: dict[str, set[str]] = {}
    for name, wish in zip(given, wishes, strict=True):
        origins.setdefault(name.casefold(), set()).add(wish.origin)
    assert all(len(found) == 1 for found in origins.values())


@given(WISHES, st.sampled_from(FORMATS))
def test_families_can_be_named_apart_from_each_other(wishes: list[Wish], format: str) -> None:
    whole = Names(format)
    families = [digests(wish, format)[0] for wish in wishes]
    apart = {family: Names(format) for family in families}
    for wish, family in zip(wishes, families, strict=True):
        assert apart[family].give(wish) == whole.give(wish)


@given(WISHES, st.sampled_from(FORMATS))
def test_a_family_without_a_meeting_is_called_as_it_wishes(wishes: list[Wish], format: str) -> None:
    names = Names(format)
    given = {wish: names.give(wish) for wish in wishes}
    found = [digests(wish, format) for wish in wishes]
    owns, stems = [own for *_, own in found], {(stem, origin) for _, stem, origin, _ in found}
    for wish, (family, *_) in zip(wishes, found, strict=True):
        mine = [one for one in found if one[0] == family]
        repeated = any(owns.count(own) > 1 for *_, own in mine)
        disputed = any(len({pair for pair in stems if pair[0] == stem}) > 1 for _, stem, _, _ in mine)
        assert repeated or disputed or given[wish] == wish.name


def test_two_names_of_one_folder_are_one_origin(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for number, suffix in enumerate(("png", "jpg")):
        (tmp_path / "a" / f"x.{suffix}").write_bytes(encoded(number, suffix))
    sources = [str(tmp_path / "a" / "x.png"), str(tmp_path / "a" / "." / "x.jpg"), str(tmp_path / "a" / "x.jpg")]
    out = oneofeach.export(oneofeach.deduplicate(sources[:2]), tmp_path / "out", "folder")
    assert sorted(path.name for path in out.rglob("x*")) == ["x.jpg", "x.png"]
