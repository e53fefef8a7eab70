"""The curation report: true to curation's files, escaped, the same bytes twice, and small."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from curation_files import HOSTILE, SCRIPT, CuratedFiles, drawn, finding, full_run, member, sliced
from neuroonco import store
from neuroonco.catalog.records import slice_id_of
from neuroonco.curate.records import DuplicateGroup
from neuroonco.errors import InputError
from neuroonco.images import Gray
from neuroonco.outcomes import Quarantined
from neuroonco.report.curation import PAGES
from neuroonco.report.curation_records import Aim
from neuroonco.report.page import render
from neuroonco.report.pictures import Album, thumbnail_jpeg
from neuroonco.report.records import ReportContext
from neuroonco.vocabulary import DuplicateKind, QualityFlag, TumorType
from neuroonco.walk.curation_groups import GROUPS_A_KIND, SHEET_PICTURES, First, GroupTally, leak_pairs, opposed
from neuroonco.walk.curation_page import read_aims, write_curation_report

VOID = {"meta", "img", "br"}
NAMES = [name for name, _ in PAGES]
MAX_PAGE_BYTES = 5_000_000


class Page(HTMLParser):
    """What a browser would see: elements in order, text by section, rows of tables by caption."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.sections: dict[str, str] = {}
        self.tables: dict[str, list[list[str]]] = {}
        self._section = "head"
        self._caption = ""
        self.feed(html)
        self.close()
        self.sections = {name: " ".join(text.split()) for name, text in self.sections.items()}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self._section = dict(attrs)["id"] or ""
        if tag == "caption":
            self._caption = ""
        if tag == "tr":
            self.tables.setdefault(self._caption, []).append([])
        if tag in ("td", "th"):
            self.tables[self._caption][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            return
        if "caption" in self.open:
            self._caption += data
        elif {"td", "th"} & set(self.open):
            self.tables[self._caption][-1][-1] += data.strip()
        self.sections[self._section] = self.sections.get(self._section, "") + " " + data

    def rows(self, caption: str) -> dict[str, list[str]]:
        """Cells of a table's rows by their first cell."""
        return {row[0]: row[1:] for row in self.tables[caption]}

    def order(self, *words: str) -> list[str]:
        """The words by where they first stand in the page."""
        return sorted(words, key=self.html.index)


def pages_of(out: Path) -> dict[str, Page]:
    return {name: Page((out / name).read_text("utf-8")) for name in NAMES}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CuratedFiles:
    return full_run(tmp_path_factory.mktemp("curated"))


AIMS = (
    Aim(name="Exact", aim="100 %", figure=1.0, low=0.98, high=1.0, n=215, met=True, how="equal bytes"),
    Aim(name="Augmented", aim="at least 90 %", figure=0.8712, n=420, met=False, how=f"folder {SCRIPT}"),
    Aim(name="Cost", aim="at most 1.6 x", unit="x"),
)


@pytest.fixture(scope="module")
def pages(files: CuratedFiles) -> dict[str, Page]:
    first = write_curation_report(
        files.curated,
        files.root,
        files.out,
        catalog=files.catalog,
        aims=AIMS,
        policy="majority",
        title=f"Run {SCRIPT}",
        home="../index.html",
    )
    assert first == files.out / "index.html"
    return pages_of(files.out)


# --- every page ---


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole_self_contained_and_linked(pages: dict[str, Page], name: str) -> None:
    page = pages[name]
    assert page.open == []
    assert "http" not in page.html.replace("http-equiv", "")
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert links[:7] == ["#main", *NAMES, "../index.html"]
    ids = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    assert {str(h)[1:] for h in links if str(h).startswith("#")} <= ids
    current = [attrs["href"] for tag, attrs in page.tags if tag == "a" and attrs.get("aria-current") == "page"]
    assert current == [name]
    assert sum(tag == "h1" for tag, _ in page.tags) == 1


@pytest.mark.parametrize("name", NAMES)
def test_text_from_data_is_never_markup_and_no_path_is_absolute(
    pages: dict[str, Page], name: str, files: CuratedFiles
) -> None:
    page = pages[name]
    assert not any(tag == "script" for tag, _ in page.tags)
    assert all(str(attrs["src"]).startswith("data:image/jpeg;base64,") for tag, attrs in page.tags if tag == "img")
    assert not any(key.startswith("on") for _, attrs in page.tags for key in attrs)
    assert str(files.root) not in page.html
    assert str(files.run.parent) not in page.html
    assert f"Run {SCRIPT}" in page.sections["head"]


@pytest.mark.parametrize("name", NAMES)
def test_pictures_have_words_and_tables_have_scopes(pages: dict[str, Page], name: str) -> None:
    for tag, attrs in pages[name].tags:
        if tag == "img":
            assert attrs["alt"]
        if tag == "th":
            assert attrs["scope"] in ("row", "col")
    tables = sum(tag == "table" for tag, _ in pages[name].tags)
    assert sum(tag == "caption" for tag, _ in pages[name].tags) == tables


def test_the_same_files_give_the_same_bytes(pages: dict[str, Page], files: CuratedFiles, tmp_path: Path) -> None:
    write_curation_report(
        files.curated,
        files.root,
        tmp_path,
        catalog=files.catalog,
        aims=AIMS,
        policy="majority",
        title=f"Run {SCRIPT}",
        home="../index.html",
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(NAMES)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == pages[name].html.encode("utf-8")


# --- summary ---


def test_every_slice_is_counted_once(pages: dict[str, Page]) -> None:
    rows = pages["index.html"].rows("What became of the slices of each source")
    #              slices copies quality contradicting other quarantined kept mask patients masks left out
    assert rows["01"] == ["3", "1", "0", "2", "0", "0", "0", "0", "not stated", "0", "0"]
    assert rows["02"] == ["9", "4", "1", "0", "0", "0", "4", "0", "1", "0", "0"]
    assert rows["03"] == ["5", "0", "0", "1", "0", "1", "3", "0", "1", "0", "1"]
    assert rows["All"] == ["17", "5", "1", "3", "0", "1", "7", "0", "2", "0", "1"]
    reasons = pages["index.html"].tables["Dropped records by reason"]
    assert [(row[0], row[1], row[3]) for row in reasons[1:4]] == [
        ("catalog", "Excluded by the source's description", "1"),
        ("curate", "Augmented copy", "3"),
        ("curate", "Conflicting labels", "3"),
    ]


def test_kept_slices_by_type(pages: dict[str, Page]) -> None:
    rows = pages["index.html"].rows("Kept slices by source and tumor type")
    assert rows == {"Source": ["Glioma", "Meningioma"], "02": ["4", "–"], "03": ["2", "1"]}


def test_groups_by_kind_and_sources_that_share_pictures(pages: dict[str, Page]) -> None:
    kinds = pages["index.html"].rows("Duplicate groups by kind")
    assert list(kinds) == ["Kind", "Augmented copy", "Near copy", "Pixel-identical", "Byte-identical"]
    assert kinds["Augmented copy"][1:] == ["2", "5", "0", "1", "0.9712"]
    assert kinds["Near copy"][1:] == ["1", "2", "1", "0", "0.9871"]
    assert kinds["Byte-identical"][1:] == ["1", "3", "1", "1", "1"]
    shared = pages["index.html"].rows("Pictures of the row's source with a copy in the column's source")
    assert shared["Source"] == ["01", "02", "03"]
    # 01 has two pictures in g1 (a copy of each other, and both with one in 03) and one in g4 (with one in 03).
    assert shared["01"] == ["2", "–", "3"]
    assert shared["02"] == ["–", "5", "1"]
    assert shared["03"] == ["2", "1", "–"]


def test_unknown_names_are_listed_most_frequent_first_and_contradictions_apart(pages: dict[str, Page]) -> None:
    page = pages["index.html"]
    rows = page.tables["Names without a mapping, most frequent first"][1:]
    assert [row[:4] for row in rows] == [
        ["label", "Glioma?", "02", "3"],
        ["label", "Glioma?", "01", "1"],
        ["sequence", SCRIPT, "02", "1"],
    ]
    assert rows[2][4] == HOSTILE
    boxes = page.tables["Box labels against folder labels"][1:]
    assert boxes == [["folder: Glioma", "box: Pituitary tumor", "02", "1", "02/yes/Y5.png"]]


def test_aims_stand_against_figures(pages: dict[str, Page]) -> None:
    rows = pages["index.html"].rows("Aims and measured figures")
    assert rows["Exact"] == ["100 %", "100.00 %98.00 % to 100.00 %", "215", "met", "equal bytes"]
    assert rows["Augmented"] == ["at least 90 %", "87.12 %", "420", "missed", f"folder {SCRIPT}"]
    assert rows["Cost"] == ["at most 1.6 x", "–", "–", "not measured", ""]


# --- duplicates ---


def test_weak_matches_come_first_and_say_how_they_matched(pages: dict[str, Page]) -> None:
    page = pages["duplicates.html"]
    augmented = page.sections["kind-1"]
    assert augmented.index("g4") < augmented.index("g3")
    assert page.order("02/augmented/aug_Y1_1.png</code>", "02/augmented/aug_Y1_2.png</code>") == [
        "02/augmented/aug_Y1_2.png</code>",  # score 0.992 before 0.999
        "02/augmented/aug_Y1_1.png</code>",
    ]
    assert "rotate 180 deg" in augmented
    assert "matched with 02/augmented/aug_Y1_1.png" in augmented  # not the representative, so it is named
    assert augmented.count("matched with") == 1
    assert "Became kept" in augmented
    assert "dropped (Augmented copy)" in augmented
    assert "of 02/yes/Y1.png" not in augmented  # the card says it already


def test_a_picture_that_cannot_be_read_says_why(pages: dict[str, Page]) -> None:
    page = pages["duplicates.html"]
    assert "no picture: FILE_MISSING" in page.sections["kind-3"]
    assert f"{HOSTILE}" in page.sections["kind-2"]


# --- conflicts and leaks ---


def test_conflicts_say_who_says_what_and_what_was_decided(pages: dict[str, Page]) -> None:
    page = pages["conflicts.html"]
    outcome = page.rows("Outcome of the conflicts")
    assert [outcome[key] for key in list(outcome)[1:]] == [["2"], ["1"], ["3"], ["1"]]
    assert page.rows("Labels that stand against each other")["Glioma against Healthy"] == ["1"]
    text = page.sections["groups"]
    assert "Contradicting labels: Glioma in source 01; Healthy in source 03" in text
    assert "Decided: the whole group was left out" in text
    assert "Decided: the group is labelled Meningioma" in text
    assert "Spelled healthy_tumor" in text
    assert "Policy: majority (the label whose sources have more trust" in page.sections["policy"]
    # The third label comes before a second picture with the first label.
    tail = page.html[page.html.index("<code>g1</code>") :]
    assert tail.index("03/no/1.png</code>") < tail.index("01/Testing/glioma/9.png</code>")


def test_leaks_within_and_across_sources(pages: dict[str, Page]) -> None:
    page = pages["leaks.html"]
    groups = page.rows("Leaking groups")
    assert groups["All leaking groups"] == ["2"]
    assert groups["Inside one source"] == ["1"]
    assert groups["From one source's training part to another's held-out part"] == ["2"]
    assert groups["Patient groups with kept slices on both sides"] == ["1"]
    caption = next(c for c in page.tables if c.startswith("Pictures of leaking groups by source and split"))
    split = page.rows(caption)
    assert split["Source"] == ["train", "val", "test"]
    assert split["01"] == ["1 of 1 (100.0 %)", "–", "2 of 2 (100.0 %)"]
    assert split["03"] == ["1 of 3 (33.3 %)", "1 of 1 (100.0 %)", "–"]
    pairs = page.rows("Held-out pictures of the column's source with a copy in the training part of the row's source")
    assert pairs == {"Training part of": ["01", "03"], "01": ["1", "1"], "03": ["1", "–"]}
    assert "g4" not in page.sections["leaks-1"]
    assert "Leak: train of source 03; test of source 01" in page.sections["leaks-2"]


def test_leak_pairs_count_held_out_pictures_once_a_training_source() -> None:
    a, b = sliced("a", "01/a"), sliced("b", "01/b")
    c, d = sliced("c", "02/c", split="test"), sliced("d", "03/d", split=None)
    one = DuplicateGroup(
        group_id="g", members=tuple(map(member, (a, b, c, d))), conflicting_types=False, leaking_splits=True
    )
    assert leak_pairs(one) == {("01", "02"): 1}


def test_a_generic_tumor_is_opposed_to_healthy_only() -> None:
    def types(*labels: TumorType | None) -> list[TumorType]:
        members = tuple(member(sliced(str(n), f"01/{n}", label=label)) for n, label in enumerate(labels))
        group = DuplicateGroup(group_id="g", members=members, conflicting_types=True, leaking_splits=False)
        return opposed(group)

    t = TumorType
    assert types(t.TUMOR, t.MENINGIOMA, t.GLIOMA, None) == [t.GLIOMA, t.MENINGIOMA]
    assert types(t.HEALTHY, t.TUMOR) == [t.TUMOR, t.HEALTHY]


# --- quality ---


def test_quality_findings_with_limit_action_and_the_worst_first(pages: dict[str, Page]) -> None:
    page = pages["quality.html"]
    rows = page.rows("Quality findings")
    assert rows["Blurred"][1:] == ["12", "2 to 11", "some dropped, some only flagged", "3", "1"]
    assert rows["Wide border"][1:] == ["0.45", "0.61 to 0.61", "only flagged", "1", "0"]
    sheet = page.sections["blurred"]
    assert re.findall(r"02/dull/\d", sheet) == ["02/dull/1", "02/dull/2", "02/dull/0"]
    assert "2, dropped" in sheet
    assert "7, flagged" in sheet


def test_quality_that_was_not_judged_is_not_quality_without_findings(tmp_path: Path) -> None:
    files = CuratedFiles(tmp_path)
    files.findings = None
    files.save()
    write_curation_report(files.curated, files.root, files.out)
    not_judged = pages_of(files.out)
    assert "No quality was judged" in not_judged["quality.html"].sections["findings"]
    assert "not judged" in not_judged["index.html"].html
    files.findings = []
    files.save()
    write_curation_report(files.curated, files.root, files.out)
    assert "nothing was found" in pages_of(files.out)["quality.html"].sections["findings"]


def row(slice_id: str, path: str, code: str) -> Quarantined:
    return Quarantined(slice_id=slice_id, source_id="01", image_path=path, code=code, message="-")


def test_a_mask_set_aside_is_no_slice(tmp_path: Path) -> None:
    files = CuratedFiles(tmp_path)
    lost = files.slice(sliced("s1", "01/yes/1.png", notes=("mask:FILE_MISSING",)))
    files.slice(sliced("s2", "01/yes/2.png", notes=("mask:MASK_SIZE",)))
    files.save()
    rows = [
        row(slice_id_of("01", "yes/1.png#mask", None, lost.image_sha256), "01/yes/1_mask.png", "FILE_MISSING"),
        row("s0000000000000000", "01/yes/2_mask.png", "MASK_SIZE"),
        row("s0000000000000001", "01/yes/3.png", "FILE_MISSING"),  # an image of its own
        row("s0000000000000002", "01/yes/4.mat", "MASK_SIZE"),  # image and mask in one file: the slice is lost
    ]
    store.save(files.catalog / "quarantined.parquet", rows, Quarantined)
    write_curation_report(files.curated, files.root, files.out, catalog=files.catalog)
    found = pages_of(files.out)["index.html"].rows("What became of the slices of each source")
    by_name = dict(zip(found["Source"], found["All"], strict=True))
    assert {name: by_name[name] for name in ("Slices", "Quarantined", "Kept", "Masks set aside")} == {
        "Slices": "4",
        "Quarantined": "2",
        "Kept": "2",
        "Masks set aside": "2",
    }


def test_files_beside_a_file_of_records_are_not_taken_for_its_own(tmp_path: Path) -> None:
    files = CuratedFiles(tmp_path)
    files.slice(sliced("s1", "01/yes/1.png"))
    files.quarantined.append(row("s2", "01/yes/2.png", "IMAGE_EMPTY"))
    files.save()
    store.save(files.catalog / "quarantined.parquet", files.quarantined, Quarantined)  # the same row again
    write_curation_report(files.curated, files.root, files.out, catalog=files.catalog / "records.parquet")
    found = pages_of(files.out)["index.html"].rows("What became of the slices of each source")
    by_name = dict(zip(found["Source"], found["01"], strict=True))
    assert (by_name["Slices"], by_name["Quarantined"], by_name["Kept"]) == ("2", "1", "1")
    assert by_name["Left out by catalogue"] == by_name["Masks set aside"] == "not known"


# --- limits, absence, errors ---


def test_empty_files_give_pages_that_say_so(tmp_path: Path) -> None:
    files = CuratedFiles(tmp_path).save()
    write_curation_report(files.curated, files.root, files.out, catalog=files.catalog)
    empty = pages_of(files.out)
    assert all(page.open == [] for page in empty.values())
    text = empty["index.html"].html
    assert all(w in text for w in ("No slices.", "Nothing was dropped.", "No duplicate groups.", "Not measured in"))
    assert "Report of the run" not in text
    assert empty["duplicates.html"].html.count("None.") == 4
    assert "not stated to this report" in empty["conflicts.html"].html


def test_without_a_catalogue_what_is_not_known_is_said(files: CuratedFiles, tmp_path: Path) -> None:
    write_curation_report(files.curated, files.root, tmp_path)
    page = pages_of(tmp_path)["index.html"]
    assert page.rows("What became of the slices of each source")["01"][-2:] == ["not known", "not known"]
    assert "catalogue's own files were not given" in page.html
    leaks = pages_of(tmp_path)["leaks.html"]
    caption = next(c for c in leaks.tables if c.startswith("Pictures of leaking groups by source and split"))
    assert leaks.rows(caption)["01"] == ["1", "–", "2"]


def test_dropped_records_of_a_single_command_are_found(files: CuratedFiles, tmp_path: Path) -> None:
    curated = tmp_path / "curated"
    for name in ("records.parquet", "duplicate_groups.parquet"):
        curated.mkdir(exist_ok=True)
        (curated / name).write_bytes((files.curated / name).read_bytes())
    store.save(curated / "records.dropped.jsonl", files.dropped, type(files.dropped[0]))
    write_curation_report(curated, files.root, tmp_path / "out")
    rows = pages_of(tmp_path / "out")["index.html"].rows("What became of the slices of each source")
    assert rows["01"][:3] == ["3", "1", "0"]


def many_groups(base: Path, number: int) -> CuratedFiles:
    """Augmented pairs of ever better score, and one group of nine; noise, which no JPEG makes small."""
    files = CuratedFiles(base)
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (160, 160), dtype=np.uint8)
    first = files.slice(sliced("s", "01/a.png"), noise)
    kind = DuplicateKind.AUGMENTED
    for n in range(number):
        copy = sliced(f"c{n}", "01/a.png")
        files.groups.append(
            DuplicateGroup(
                group_id=f"g{n:03}",
                kind=kind,
                members=(member(first), member(copy, kind, 0.99 - n / 10_000, "flip")),
                conflicting_types=False,
                leaking_splits=False,
            )
        )
    copies = [member(sliced(f"d{n}", "01/a.png"), kind, 0.5, "flip") for n in range(8)]
    files.groups.append(
        DuplicateGroup(
            group_id="big",
            kind=kind,
            members=(member(first), *copies),
            conflicting_types=False,
            leaking_splits=False,
        )
    )
    assert files.findings is not None
    for flag in QualityFlag:
        files.findings += [
            finding(sliced(f"q{n:03}", "01/a.png"), flag, 0.1 + n / 1000, 0.1, dropped=True) for n in range(80)
        ]
    return files.save()


def test_long_lists_are_cut_the_rest_is_counted_and_pages_stay_small(tmp_path: Path) -> None:
    files = many_groups(tmp_path, 40)
    write_curation_report(files.curated, files.root, files.out)
    made = pages_of(files.out)
    shown = made["duplicates.html"].sections["kind-1"]
    limit = GROUPS_A_KIND[DuplicateKind.AUGMENTED]
    assert f"{limit} of 41 groups shown; the other {41 - limit} are listed in" in shown
    assert shown.index("big") < shown.index("g039") < shown.index("g038")
    assert "g000" not in shown
    assert "9 pictures, 3 of them not shown" in shown
    sheet = made["quality.html"].sections["blurred"]
    assert f"{SHEET_PICTURES} of 80 pictures shown; the other {80 - SHEET_PICTURES} are listed in" in sheet
    assert max(len(page.html.encode()) for page in made.values()) < MAX_PAGE_BYTES
    assert "left out to keep the page small" in made["quality.html"].html


def test_the_choice_does_not_depend_on_the_order_of_the_groups(tmp_path: Path) -> None:
    files = many_groups(tmp_path, 40)
    forward, backward = GroupTally(), GroupTally()
    for group in files.groups:
        forward.add(group)
    for group in reversed(files.groups):
        backward.add(group)
    kind = DuplicateKind.AUGMENTED
    assert [g.group_id for g in forward.by_kind[kind].items] == [g.group_id for g in backward.by_kind[kind].items]
    assert forward.shared == backward.shared == {("01", "01"): 89}


def test_first_keeps_the_smallest_keys() -> None:
    rng = np.random.default_rng(3)
    keys = rng.permutation(200).tolist()
    first = First[int](7)
    for key in keys:
        first.add((key,), key)
    assert first.items == list(range(7))
    assert first.total == 200


def test_an_album_shrinks_keeps_its_budget_and_repeats_itself() -> None:
    pixels = drawn(1, 400)
    jpeg = thumbnail_jpeg(pixels, 160)
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    assert decoded.shape == (160, 160)
    assert jpeg == thumbnail_jpeg(pixels, 160)
    reads: list[int] = []

    def read(_: object) -> Gray:
        reads.append(1)
        return pixels

    album = Album(read, max_bytes=len(jpeg) + 1)
    taken = [album.picture(sliced("s", "01/a"), "alt", 160) for _ in range(3)]
    assert [p.jpeg is not None for p in taken] == [True, True, False]
    assert len(reads) == 2  # a full page reads no more pictures


def aims_in(folder: Path, document: object) -> Path:
    path = folder / "aims.json"
    path.write_text(json.dumps(document), "utf-8")
    return path


def test_aims_are_read_as_written(tmp_path: Path) -> None:
    path = aims_in(tmp_path, [aim.model_dump(mode="json") for aim in AIMS])
    assert read_aims(path) == AIMS


def broken_aims() -> Iterator[tuple[object, str]]:
    yield {"name": "Recall"}, "expected a list of aims"
    yield [{"name": "Recall"}], "aim: Field required"
    yield ["Recall"], "entry:"
    yield [{"name": "Recall", "aim": "x", "n": -1}], "n: "
    yield [{"name": "Recall", "aim": "x", "guess": 1}], "guess: "


@pytest.mark.parametrize(("document", "what"), list(broken_aims()))
def test_broken_aims_are_one_line(tmp_path: Path, document: object, what: str) -> None:
    with pytest.raises(InputError, match="AIMS_BROKEN") as caught:
        read_aims(aims_in(tmp_path, document))
    assert what in caught.value.what


def test_a_missing_groups_file_is_an_error_not_a_report_without_duplicates(tmp_path: Path) -> None:
    files = CuratedFiles(tmp_path).save()
    (files.curated / "duplicate_groups.parquet").unlink()
    with pytest.raises(InputError, match="FILE_MISSING"):
        write_curation_report(files.curated, files.root, files.out)


def test_a_row_of_another_shape_is_an_error_with_its_place(tmp_path: Path) -> None:
    files = full_run(tmp_path)
    (files.curated / "quality.parquet").write_bytes((files.curated / "dropped.parquet").read_bytes())
    with pytest.raises(InputError, match=r"quality\.parquet"):
        write_curation_report(files.curated, files.root, files.out)


def test_the_main_page_links_to_the_curation_report_if_there_is_one() -> None:
    assert 'href="curation/index.html"' in render(ReportContext(title="Run", curation="curation/index.html"))
    assert "curation/" not in render(ReportContext(title="Run"))
