"""Groups of copies and what follows: who stays, whose label counts, who shares a patient."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories_curate import match, record
from neuroonco.catalog.records import MaskRef, SliceRecord
from neuroonco.curate.curate import Verdict, curate_slice, settle_conflicts
from neuroonco.curate.duplicates import components, group_copies, identical, tell_apart
from neuroonco.curate.patients import patient_groups
from neuroonco.curate.quality import CurateRules, require_usable
from neuroonco.curate.records import CuratedSlice, DuplicateGroup, PictureMatch, QualityFinding
from neuroonco.errors import InputError
from neuroonco.outcomes import Dropped
from neuroonco.rules import load_rules
from neuroonco.vocabulary import DropReason, DuplicateKind, MaskKind, MRSequence, QualityFlag, TumorType

RULES = load_rules("default").section("curate", CurateRules)
BYTES, PIXELS, NEAR, AUGMENTED = DuplicateKind
GLIOMA, MENINGIOMA = TumorType.GLIOMA, TumorType.MENINGIOMA


def grouped(records: list[SliceRecord], matches: list[PictureMatch], **priority: int) -> list[DuplicateGroup]:
    return group_copies(matches, {r.slice_id: r for r in records}, priority)


def exact_pair(*labels: TumorType | None, sources: str = "1234", splits: tuple[str | None, ...] = ()) -> DuplicateGroup:
    """One group of byte-identical slices with these labels."""
    chosen = splits or (None,) * len(labels)
    records = [
        record(i, tumor_type=label, source_id=source, split=split)
        for i, (label, source, split) in enumerate(zip(labels, sources, chosen, strict=False))
    ]
    (group,) = grouped(records, identical([(r.slice_id, "x") for r in records], BYTES))
    return group


def settled(group: DuplicateGroup, policy: str, **trust: int) -> tuple[DuplicateGroup, dict[str, Verdict]]:
    groups, verdicts = settle_conflicts([group], policy=policy, trust={k.strip("_"): v for k, v in trust.items()})
    return groups[0], verdicts


# --- groups ---


def test_one_representative_a_group_and_every_copy_named() -> None:
    mask = MaskRef(path="m.png", kind=MaskKind.BINARY)
    records = [record(1), record(2, source_id="07", mask=mask), record(3), record(4)]
    keys = [("s1", "a"), ("s2", "a"), ("s3", "a"), ("s4", "b")]
    (group,) = group_copies(identical(keys, BYTES), {r.slice_id: r for r in records}, {"01": 9})
    assert [(m.slice_id, m.representative, m.kind) for m in group.members] == [
        ("s2", True, None),
        ("s1", False, BYTES),
        ("s3", False, BYTES),
    ]
    assert group.group_id == "g2"
    _, verdicts = settle_conflicts([group], policy="drop", trust={})
    results = [curate_slice(r, verdict=verdicts.get(r.slice_id)) for r in records]
    kept = [r for r in results if isinstance(r, CuratedSlice)]
    dropped = [r for r in results if isinstance(r, Dropped)]
    assert [(r.slice_id, r.duplicate_group, r.duplicate_count) for r in kept] == [("s2", "g2", 3), ("s4", None, 1)]
    assert [(d.slice_id, d.reason) for d in dropped] == [(f"s{i}", DropReason.DUPLICATE_EXACT) for i in (1, 3)]
    assert [d.detail for d in dropped] == ["same bytes as 2.png", "same bytes as 1.png, itself a copy of 2.png"]


RANKS: list[dict[str, Any]] = [
    {"mask": MaskRef(path="m.png", kind=MaskKind.BINARY)},
    {"mask": MaskRef(path="m.txt", kind=MaskKind.YOLO_BOXES)},
    {"sequence": MRSequence.T1},
    {"tumor_type": GLIOMA},
    {"source_id": "trusted"},
    {"height_px": 129},
    {"image_path": "9a.png"},  # the less compressed one
    {"source_id": "00"},
    {"image_path": "0.png"},
]


@pytest.mark.parametrize("rank", range(len(RANKS)))
def test_what_makes_the_representative_comes_in_a_fixed_order(rank: int) -> None:
    """The better slice of a pair has one thing; the other has everything that counts less."""
    weaker: dict[str, Any] = {}
    for later in reversed(RANKS[rank + 1 :]):
        weaker |= later
    better, worse = record(8, **RANKS[rank]), record(3, **weaker)
    if "source_id" not in RANKS[rank] and "source_id" not in weaker:
        assert better.source_id == worse.source_id
    sizes = {"s8": 2.0 if rank == 6 else 1.0, "s3": 2.0 if rank < 6 else 1.0}
    pair = {"s8": better, "s3": worse}
    (group,) = group_copies([match(8, 3)], pair, {"trusted": 5}, sizes)
    assert group.members[0].slice_id == "s8"


def test_a_generic_tumor_is_no_specific_label() -> None:
    (group,) = grouped([record(1, tumor_type=TumorType.TUMOR), record(2, tumor_type=GLIOMA)], [match(1, 2)])
    assert [m.slice_id for m in group.members] == ["s2", "s1"]
    assert not group.conflicting_types


def test_source_priority_decides_between_equals() -> None:
    pair = {"s1": record(1, source_id="01"), "s2": record(2, source_id="03")}
    for priority, kept in (({"01": 5, "03": 1}, "s1"), ({"01": 1, "03": 5}, "s2"), ({"03": 1}, "s2")):
        (group,) = group_copies([match(1, 2)], pair, priority)
        assert group.members[0].slice_id == kept


def test_groups_go_through_copies_but_not_through_neighbors() -> None:
    records = [record(i) for i in range(1, 7)]
    matches = [match(1, 2, BYTES), match(3, 2, AUGMENTED), match(3, 4, NEAR), match(4, 5, None), match(5, 6, PIXELS)]
    groups = grouped(records, matches)
    assert [[m.slice_id for m in g.members] for g in groups] == [["s1", "s2", "s3", "s4"], ["s5", "s6"]]
    assert [g.kind for g in groups] == [AUGMENTED, PIXELS]
    members = {m.slice_id: m for m in groups[0].members}
    assert {name: m.matched for name, m in members.items()} == {"s1": None, "s2": "s1", "s3": "s2", "s4": "s3"}
    assert {name: m.kind for name, m in members.items()} == {"s1": None, "s2": BYTES, "s3": AUGMENTED, "s4": NEAR}


def test_the_best_kind_of_several_links_is_told() -> None:
    records = [record(i) for i in (1, 2, 3)]
    matches = [match(1, 2, NEAR), match(1, 3, NEAR, score=0.99), match(2, 3, PIXELS)]
    (group,) = grouped(records, matches)
    assert [(m.slice_id, m.matched) for m in group.members[1:]] == [("s2", "s1"), ("s3", "s1")]
    deeper = [match(1, 2, NEAR), match(1, 4, NEAR), match(2, 3, NEAR, score=0.9), match(4, 3, NEAR, score=0.95)]
    (group,) = grouped([*records, record(4)], deeper)
    assert {m.slice_id: m.matched for m in group.members}["s3"] == "s4"


@pytest.mark.parametrize(
    ("changes", "forward", "backward"),
    [
        ({"rotation_deg": 10.0, "scale": 0.5}, "rotate 10.0 deg, scale 0.50", "rotate -10.0 deg, scale 2.00"),
        ({"mirrored": True, "rotation_deg": 10.0}, *["flip left-right, rotate 10.0 deg"] * 2),
        ({"mirrored": True, "rotation_deg": 180.0}, *["flip top-bottom"] * 2),
        ({}, *["same place"] * 2),
    ],
)
def test_transforms_are_seen_from_the_representative(changes: dict[str, Any], forward: str, backward: str) -> None:
    for matches, words in (([match(1, 2, AUGMENTED, **changes)], forward), ([match(2, 1, **changes)], backward)):
        (group,) = grouped([record(1), record(2)], matches)
        assert [(m.slice_id, m.matched, m.transform) for m in group.members] == [
            ("s1", None, None),
            ("s2", "s1", words),
        ]


def test_exact_copies_have_no_transform() -> None:
    (group,) = grouped([record(1), record(2), record(3)], [match(1, 2, BYTES), match(1, 3, PIXELS)])
    assert [(m.transform, m.score) for m in group.members] == [(None, None), (None, 1.0), (None, 1.0)]


links = st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from([*DuplicateKind, None])).filter(
    lambda link: link[0] < link[1]
)


@given(st.lists(links, unique_by=lambda link: link[:2], max_size=14), st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order(chosen: list[tuple[int, int, DuplicateKind | None]], random: Any) -> None:
    records = {f"s{i}": record(i, source_id=f"0{i % 3}", split=("train", "test", None)[i % 3]) for i in range(10)}
    matches = [match(a, b, kind, rotation_deg=float(a), score=0.8 + b / 100) for a, b, kind in chosen]
    straight = group_copies(matches, records, {"02": 1})
    shuffled = list(matches)
    random.shuffle(shuffled)
    assert group_copies(shuffled, dict(reversed(records.items())), {"02": 1}) == straight
    # Against a plain search through the links.
    linked = {frozenset((f"s{a}", f"s{b}")) for a, b, kind in chosen if kind is not None}
    for group in straight:
        names = {m.slice_id for m in group.members}
        assert all(pair <= names or not pair & names for pair in linked)
        assert sum(m.representative for m in group.members) == 1
        known = {group.members[0].slice_id}
        while known != names:  # every member leads to the representative
            reached = {m.slice_id for m in group.members if m.matched in known} - known
            assert reached
            known |= reached
    assert {n for g in straight for n in (m.slice_id for m in g.members)} == {n for pair in linked for n in pair}


def test_components_of_nothing() -> None:
    assert components([]) == []
    assert identical([("a", ""), ("b", "")], BYTES) == []


# --- labels ---


@pytest.mark.parametrize(
    ("first", "second", "conflict"),
    [
        (GLIOMA, MENINGIOMA, True),
        (GLIOMA, TumorType.HEALTHY, True),
        (TumorType.TUMOR, TumorType.HEALTHY, True),
        (TumorType.TUMOR, GLIOMA, False),
        (None, GLIOMA, False),
        (GLIOMA, GLIOMA, False),
    ],
)
def test_contradicting_labels(first: TumorType | None, second: TumorType | None, conflict: bool) -> None:
    group = exact_pair(first, second)
    assert group.conflicting_types is conflict
    _, strict = settled(group, "drop")
    _, lenient = settled(group, "keep")
    keeper = group.members[0].slice_id
    if conflict:
        assert {v.reason for v in strict.values()} == {DropReason.LABEL_CONFLICT}
        assert {v.detail for v in strict.values()} == {" against ".join(sorted([first or "", second or ""]))}
        assert (lenient[keeper].reason, lenient[keeper].flags) == (None, ("label_conflict",))
    else:
        assert strict == lenient
        assert (strict[keeper].reason, strict[keeper].flags) == (None, ())
    assert [v.reason for v in lenient.values()].count(DropReason.DUPLICATE_EXACT) == 1


@pytest.mark.parametrize(
    ("labels", "sources", "trust", "decided"),
    [
        ((GLIOMA, GLIOMA, MENINGIOMA), "123", {}, GLIOMA),
        ((GLIOMA, GLIOMA, MENINGIOMA), "113", {}, None),  # a source counts once: a tie
        ((GLIOMA, MENINGIOMA), "12", {}, None),
        ((GLIOMA, MENINGIOMA), "12", {"_2": 3}, MENINGIOMA),
        ((GLIOMA, MENINGIOMA, TumorType.HEALTHY), "123", {"_1": 2}, None),  # half is no majority
        ((GLIOMA, MENINGIOMA, TumorType.HEALTHY), "123", {"_1": 3}, GLIOMA),
        # A generic tumor is neither for nor against a specific one ...
        ((GLIOMA, GLIOMA, MENINGIOMA, TumorType.TUMOR), "1234", {"_4": 9}, GLIOMA),
        ((GLIOMA, MENINGIOMA, TumorType.TUMOR), "123", {"_3": 9}, None),
        # ... but is against healthy.
        ((TumorType.TUMOR, TumorType.HEALTHY), "12", {"_1": 2}, TumorType.TUMOR),
        ((TumorType.HEALTHY, TumorType.HEALTHY, GLIOMA, None), "1234", {}, TumorType.HEALTHY),
    ],
)
def test_majority_weighs_sources(
    labels: tuple[TumorType | None, ...], sources: str, trust: dict[str, int], decided: TumorType | None
) -> None:
    group = exact_pair(*labels, sources=sources)
    changed, verdicts = settled(group, "majority", **trust)
    assert changed.decided_type is decided
    keeper = group.members[0]
    if decided is None:
        assert {v.reason for v in verdicts.values()} == {DropReason.LABEL_CONFLICT}
        return
    assert verdicts[keeper.slice_id].reason is None
    assert all(v.reason is DropReason.DUPLICATE_EXACT for n, v in verdicts.items() if n != keeper.slice_id)
    kept = curate_slice(
        record(int(keeper.slice_id[1:]), tumor_type=keeper.tumor_type), verdict=verdicts[keeper.slice_id]
    )
    assert isinstance(kept, CuratedSlice)
    assert kept.tumor_type is decided
    assert kept.flags == ("label_conflict",)
    changed_label = keeper.tumor_type is not decided
    assert kept.notes == ((f"label_by_majority:{keeper.tumor_type or 'none'}",) if changed_label else ())
    if changed_label:
        assert kept.tumor_present is (decided is not TumorType.HEALTHY)


def test_a_label_by_majority_says_what_stood_before() -> None:
    verdict = Verdict("g1", 3, ("label_conflict",), tumor_type=TumorType.HEALTHY)
    for label, said in ((GLIOMA, "glioma"), (None, "none")):
        kept = curate_slice(record(1, tumor_type=label, tumor_present=True, notes=("old",)), verdict=verdict)
        assert isinstance(kept, CuratedSlice)
        assert (kept.tumor_type, kept.tumor_present) == (TumorType.HEALTHY, False)
        assert kept.notes == ("old", f"label_by_majority:{said}")


@pytest.mark.parametrize(
    ("splits", "leak"),
    [(("train", "test"), True), (("train", "val"), True), (("train", "train"), False), (("test", None), False)],
)
def test_the_same_image_in_train_and_test_is_a_leak(splits: tuple[str | None, ...], leak: bool) -> None:
    group = exact_pair(GLIOMA, GLIOMA, splits=splits)
    assert group.leaking_splits is leak
    _, verdicts = settled(group, "drop")
    assert {v.flags for v in verdicts.values()} == {("split_leak",) if leak else ()}


# --- what happens to a slice ---


def test_dropped_copies_say_of_what_and_how() -> None:
    records = [record(1, image_channel=0, image_path="v.tif"), *(record(i) for i in (2, 3, 4))]
    matches = [match(1, 2, PIXELS), match(1, 3, NEAR, scale=0.5, score=0.876), match(3, 4, AUGMENTED, mirrored=True)]
    _, verdicts = settle_conflicts(grouped(records[:1] + records[1:], matches, **{"01": 1}), policy="drop", trust={})
    keeper = next(name for name, v in verdicts.items() if v.reason is None)
    assert keeper == "s2"  # the lower path stands for the group
    assert (verdicts["s1"].reason, verdicts["s1"].detail) == (DropReason.DUPLICATE_PIXELS, "same pixels as 2.png")
    assert verdicts["s3"].reason is DropReason.DUPLICATE_NEAR
    assert verdicts["s3"].detail == "copy of v.tif, channel 0: scale 0.50, score 0.88, itself a copy of 2.png"
    assert verdicts["s4"].reason is DropReason.DUPLICATE_AUGMENTED
    volume = [record(1, image_path="0.nii", image_slice=7), record(2)]
    _, verdicts = settle_conflicts(grouped(volume, [match(1, 2, NEAR)]), policy="drop", trust={})
    assert verdicts["s2"].detail == "copy of 0.nii, slice 7: same place, score 1.00"
    channel = [record(1, image_path="0.tif", image_channel=1), record(2)]
    _, verdicts = settle_conflicts(grouped(channel, [match(1, 2, BYTES)]), policy="drop", trust={})
    assert verdicts["s2"].detail == "same bytes as 0.tif, channel 1"


def finding(flag: QualityFlag, dropped: bool) -> QualityFinding:
    return QualityFinding(
        slice_id="s1", source_id="01", image_path="1.png", flag=flag, score=0.75, limit=0.5, dropped=dropped
    )


def test_a_bad_picture_is_dropped_for_that_before_anything_else() -> None:
    verdict = Verdict("g1", 2, (), DropReason.DUPLICATE_NEAR, "copy")
    findings = [finding(QualityFlag.BLURRED, False), finding(QualityFlag.CT, True)]
    dropped = curate_slice(record(1), verdict=verdict, findings=findings)
    assert isinstance(dropped, Dropped)
    assert dropped.reason is DropReason.QUALITY_CT
    assert dropped.detail is not None
    assert dropped.detail.endswith(": 0.75, limit 0.5")
    kept = curate_slice(record(1), verdict=Verdict("g1", 2, ("split_leak",)), patient_group="p1", findings=findings[:1])
    assert isinstance(kept, CuratedSlice)
    assert kept.flags == ("split_leak", "blurred")
    assert (kept.duplicate_group, kept.duplicate_count, kept.patient_group) == ("g1", 2, "p1")


@pytest.mark.parametrize(
    ("changes", "gray_range", "code"),
    [
        ({"height_px": 63}, 200, "IMAGE_TOO_SMALL"),
        ({"width_px": 63}, 200, "IMAGE_TOO_SMALL"),
        ({"width_px": 4097}, 200, "IMAGE_TOO_LARGE"),
        ({"height_px": 4097}, 200, "IMAGE_TOO_LARGE"),
        ({}, 15, "IMAGE_BLANK"),
    ],
)
def test_unusable_pictures(changes: dict[str, int], gray_range: int, code: str) -> None:
    with pytest.raises(InputError) as caught:
        require_usable(record(1, **changes), gray_range, RULES)
    assert (caught.value.code, caught.value.where) == (code, "1.png")


def test_usable_pictures_at_the_limits() -> None:
    require_usable(record(1, height_px=64, width_px=4096), 16, RULES)


# --- patients ---


def test_patient_groups_follow_patients_copies_and_neighbors() -> None:
    patients = [
        ("a1", "16", "P1"),
        ("a2", "16", "P1"),
        ("b1", "17", "P1"),  # the same name in another collection is another patient
        ("b2", "17", "P1"),
        ("c", "01", None),
        ("d", "01", None),
        ("e", "01", None),
    ]
    matches = [
        PictureMatch(first="a2", second="c", kind=NEAR),
        PictureMatch(first="c", second="d", kind=None),
    ]
    groups = patient_groups(patients, matches)
    assert groups["a1"] == groups["a2"] == groups["c"] == groups["d"]
    assert groups["b1"] == groups["b2"] != groups["a1"]
    assert "e" not in groups
    assert patient_groups(patients[::-1], matches[::-1]) == groups
    assert patient_groups([], []) == {}


def test_a_patient_of_one_slice_is_no_group() -> None:
    assert patient_groups([("a", "16", "P1"), ("b", "16", "P2")], []) == {}


def test_what_a_source_states_to_be_different_is_no_copy() -> None:
    def match(first: str, second: str) -> PictureMatch:
        return PictureMatch(first=first, second=second, kind=DuplicateKind.NEAR, score=0.9, blocks=50)

    sequences = {
        "a": ("16", "P1", MRSequence.T1),
        "b": ("16", "P1", MRSequence.T1CE),
        "c": ("16", "P2", MRSequence.T1CE),
        "d": ("16", "P1", MRSequence.T1),
        "e": ("01", "P1", MRSequence.FLAIR),
    }
    files = {name: f"{name}.png" for name in "abcde"} | {"v1": "v.nii", "v2": "v.nii"}
    pairs = [("a", "b"), ("a", "c"), ("a", "d"), ("a", "e"), ("v1", "v2"), ("a", "v1")]
    told = tell_apart([match(*pair) for pair in pairs], sequences, files)
    assert [(m.first, m.second) for m in told if m.kind is None] == [("a", "b"), ("v1", "v2")]
    assert [m.score for m in told] == [0.9] * 6


def test_different_pictures_are_not_joined_through_a_third_one() -> None:
    links = [
        PictureMatch(first="t1", second="other", kind=DuplicateKind.NEAR, score=0.95),
        PictureMatch(first="t2", second="other", kind=DuplicateKind.NEAR, score=0.9),
        PictureMatch(first="t1", second="t2", kind=DuplicateKind.NEAR, score=0.85),
    ]
    sequences = {"t1": ("16", "P1", MRSequence.T1), "t2": ("16", "P1", MRSequence.T2)}
    told = tell_apart(links[::-1], sequences, {name: name for name in ("t1", "t2", "other")})
    assert [(m.first, m.second, m.kind) for m in told] == [
        ("t1", "other", DuplicateKind.NEAR),
        ("t2", "other", None),
        ("t1", "t2", None),
    ]


def test_identical_pictures_are_copies_whatever_is_stated() -> None:
    link = PictureMatch(first="t1", second="t2", kind=DuplicateKind.EXACT_PIXELS)
    sequences = {"t1": ("16", "P1", MRSequence.T1), "t2": ("16", "P1", MRSequence.T2)}
    assert tell_apart([link], sequences, {"t1": "a", "t2": "a"}) == [link]
