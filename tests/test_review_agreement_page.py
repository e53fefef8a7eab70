"""The page of agreement: for adjudicators, every figure and warning in words, made once for each state of a room."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from neuroonco import __version__
from neuroonco.review.agreement import agreement_of
from neuroonco.review.agreement_records import AgreementReport
from neuroonco.review.agreement_text import report_notes, shown, wide_tables
from neuroonco.review.room import Room
from neuroonco.review.room_records import Assignment, Person, Role, RoomItem
from neuroonco.review.web import agreeing
from review_pages import Pages, pages_over
from review_rooms import decide, item_with, room_settings


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    with pages_over(tmp_path, 30) as found:
        yield found


def judged(pages: Pages) -> list[str]:
    """Both readers judge everything: bob says something else of every fourth question."""
    keys = sorted(pages.keys())
    for n, key in enumerate(keys):
        decide(pages.room, key, "ann", "A")
        decide(pages.room, key, "bob", "A" if n % 4 else "B")
    return keys


def test_readers_and_strangers_get_nothing(pages: Pages) -> None:
    judged(pages)
    for address in ("/agreement", "/agreement?format=json"):
        answer = pages.ann.get(address)
        assert answer.status_code == 404
        assert "kappa" not in answer.text
        assert "collection_07" not in answer.text
        assert pages.stranger().get(address).status_code in (303, 401)


def test_an_empty_room_says_so(pages: Pages) -> None:
    answer = pages.chris.get("/agreement")
    assert answer.status_code == 200
    assert "Nobody has judged a question yet" in answer.text
    assert '<table class="table agreement-table"' not in answer.text


def test_every_figure_stands_on_the_page(pages: Pages) -> None:
    judged(pages)
    report = agreement_of(pages.room)
    answer = pages.chris.get("/agreement")
    assert "style=" not in answer.text
    assert "<script>" not in answer.text
    text = " ".join(unescape(re.sub(r"<[^>]*>", "", answer.text)).split())
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert shown(report.pooled.kappa) in text
    assert report.pooled.kappa.low is not None
    for note in report_notes(report):
        assert note in text
    for table in wide_tables(report):
        for line in table.lines:
            assert all(cell in text or cell.replace("_", " ") in text for cell in line.cells)
            assert all(note in text for note in line.notes)
    assert any(row.warnings for row in (report.pooled, *report.by_type))


def test_the_same_as_json(pages: Pages) -> None:
    judged(pages)
    answer = pages.chris.get("/agreement?format=json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert AgreementReport.model_validate(answer.json()) == agreement_of(pages.room)
    assert pages.chris.get("/agreement?format=csv").status_code in (400, 404, 422)


def test_a_report_is_made_once_for_each_state_of_the_room(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(room: Room) -> AgreementReport:
        made.append(1)
        return agreement_of(room, resamples=100)

    monkeypatch.setattr(agreeing, "agreement_of", counted)
    chris, keys = pages.chris, sorted(pages.keys())
    decide(pages.room, keys[0], "ann", "A")
    for _ in range(3):
        assert chris.get("/agreement?format=json").json()["questions"] == 1
    assert len(made) == 1
    decide(pages.room, keys[1], "ann", "A")
    assert chris.get("/agreement?format=json").json()["questions"] == 2
    chris.get("/agreement")
    assert len(made) == 2
    # Somebody new was assigned something: no event, and still another report.
    dora = Person(name="dora")
    pages.room.set_up(pages.room.settings(), list(pages.room.items()), [dora], [Assignment(key=keys[0], reader="dora")])
    assert chris.get("/agreement?format=json").json()["readers"] == ["ann", "bob", "dora"]
    assert len(made) == 3


def test_what_a_citation_needs(pages: Pages) -> None:
    keys = judged(pages)
    last = list(pages.room.events())[-1]
    found = pages.chris.get("/agreement?format=json").json()
    assert {name: found[name] for name in ("version", "benchmark_sha256", "last_seq", "last_at")} == {
        "version": __version__, "benchmark_sha256": "0" * 64, "last_seq": 2 * len(keys), "last_at": last.at
    }  # fmt: skip
    assert (found["resamples"], found["seed"], found["unit"], found["clusters"]) == (2000, 2602, "group", 15)
    assert last.at in pages.chris.get("/agreement").text


def test_texts_of_a_benchmark_are_no_markup(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    items: list[RoomItem] = [item_with(options=(hostile, "Glioma"), image_id=f"i{n}") for n in range(3)]
    people = [Person(name="ann"), Person(name="bob"), Person(name="chris", role=Role.ADJUDICATOR)]
    with Room(tmp_path / "room.sqlite", create=True) as room:
        room.set_up(
            room_settings(), items, people, [Assignment(key=i.key, reader=r) for i in items for r in ("ann", "bob")]
        )
        for item in items:
            decide(room, item.key, "ann", "A")
            decide(room, item.key, "bob", "B")
        text = Pages(room, tmp_path).chris.get("/agreement").text
    assert hostile not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_room_that_shows_the_answers_is_warned_of(tmp_path: Path) -> None:
    with pages_over(tmp_path, 4, proposed_shown=True) as pages:
        judged(pages)
        assert "saw the benchmark&#39;s own answers" in pages.chris.get("/agreement").text
