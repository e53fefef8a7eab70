"""A reader's pages: the queue, saving, conflicts, late saves, taking back, round two, and hostile texts."""

import html
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData

from neuroonco.build.records import ClosedItem
from neuroonco.errors import InputError
from neuroonco.review.judgement import judge
from neuroonco.review.room import Room
from neuroonco.review.room_records import Assignment, EventKind, Judgement, RejectReason, Round
from neuroonco.review.web import reader_pages
from neuroonco.review.web.forms import judgement_of, parse_save, parse_typed, typed_of
from neuroonco.review.web.question_view import reader_letters
from review_pages import PART, Pages, hidden, pages_over
from review_rooms import PEOPLE, decide, item_with, room_settings, write_pictures


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    with pages_over(tmp_path, 6) as made:
        yield made


def kinds(pages: Pages) -> list[tuple[str, EventKind]]:
    return [(event.reader, event.kind) for event in pages.room.events()]


def differing(pages: Pages) -> str:
    """A question about which ann and bob differ in round one."""
    key = pages.keys()[0]
    decide(pages.room, key, "ann", "A", comment="seen from ann", elapsed_s=12)
    decide(pages.room, key, "bob", "B", comment="seen from bob", new_question="A better question?")
    return key


# --- the queue ---


def test_the_queue_counts_and_names_questions_by_their_place(pages: Pages) -> None:
    keys, ann = pages.keys(), pages.ann
    decide(pages.room, keys[1], "ann", "A", elapsed_s=61.4)
    decide(pages.room, keys[1], "ann", "B", elapsed_s=10)
    page = ann.get("/queue?round=first").text
    assert re.findall(r">(Question \d+)</a>", page) == [f"Question {n}" for n in range(1, 7)]
    assert '<progress id="done" max="6" value="1"' in page
    assert "1 of 6 done" in page
    assert [page.count(f">{state}</span>") for state in ("done", "to do", "closed")] == [1, 5, 0]
    row = page.split("Question 2</a>")[1].split("</tr>")[0]
    assert '<td class="number">1:11</td>' in row
    saved = pages.room.lane(keys[1], "ann", Round.FIRST)
    assert saved is not None
    assert f'datetime="{html.escape(saved.at or "")}"' in row
    assert f'href="/items/{keys[0]}?round=first" data-next' in page
    assert "of 6 done" in pages.bob.get("/queue").text
    assert "0 of 6 done" in pages.bob.get("/queue").text


def test_a_long_queue_comes_in_pages_and_may_show_open_questions_only(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_pages, "PAGE_SIZE", 2)
    keys, ann = pages.keys(), pages.ann
    for key in keys[:3]:
        decide(pages.room, key, "ann", "A")
    shown = {page: re.findall(r"Question (\d)</a>", ann.get(f"/queue?page={page}").text) for page in ("1", "3", "99")}
    assert shown == {"1": ["1", "2"], "3": ["5", "6"], "99": ["5", "6"]}
    assert re.findall(r"Question (\d)</a>", ann.get("/queue?only=open&page=1").text) == ["4", "5"]
    for page in ("0", "-1", "x", "1e9", "9" * 400, "²"):
        assert ann.get("/queue", params={"page": page}).status_code == 200
    assert ann.get("/queue?round=adjudication").status_code == 404
    assert "Nothing is left" not in ann.get("/queue").text


# --- saving ---


@pytest.mark.parametrize("part", [False, True])
def test_the_same_judgement_from_a_stale_page_goes_on_and_is_kept(pages: Pages, part: bool) -> None:
    keys, ann = pages.keys(), pages.ann
    ann.judge(keys[0], "answer:B", comment="ring")
    again = ann.judge(keys[0], "answer:B", comment="ring", elapsed_s="7", part=part)
    if part:
        assert again.status_code == 200
        assert again.headers["HX-Push-Url"] == f"/items/{keys[1]}?round=first"
    else:
        assert (again.status_code, again.headers["location"]) == (303, f"/items/{keys[1]}?round=first")
    assert kinds(pages) == [("ann", EventKind.DECIDED), ("ann", EventKind.CONFLICTED)]
    lane = pages.room.lane(keys[0], "ann", Round.FIRST)
    assert lane is not None
    assert (lane.version, lane.elapsed_s) == (1, 7)
    for other in ({"comment": "rim"}, {"comment": "ring", "new_question": "Which?"}):
        assert ann.judge(keys[0], "answer:B", part=part, **other).status_code == 409
    ann.undo(keys[0], based_on=1)
    assert ann.judge(keys[0], "answer:B", comment="ring", part=part).status_code == 409  # it was taken back since


def test_a_save_is_in_force_and_leads_to_the_next_open_question(pages: Pages) -> None:
    keys, ann = pages.keys(), pages.ann
    page = ann.get(f"/items/{keys[0]}").text
    fields = {name: hidden(page.partition("data-judgement")[2], name) for name in ("round", "based_on", "save_id")}
    sent = {**fields, "choice": "answer:B", "elapsed_s": "23.4", "comment": " two\r\nlines "}
    answer = ann.submit(f"/items/{keys[0]}/judgement", sent)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/items/{keys[1]}?round=first")
    lane = pages.room.lane(keys[0], "ann", Round.FIRST)
    assert lane is not None
    assert lane.judgement is not None
    assert (lane.version, lane.judgement.answer, lane.elapsed_s) == (1, "B", 23.4)
    assert lane.judgement.comment == "two\nlines"
    following = ann.get(answer.headers["location"]).text
    assert re.search(r"Saved <time [^>]*>[^<]*</time> · took 23 s", following)
    assert "undoes" in following
    again = ann.submit(f"/items/{keys[0]}/judgement", sent)
    assert again.status_code == 303
    assert kinds(pages) == [("ann", EventKind.DECIDED)]


def test_a_script_gets_the_next_question_as_a_part_and_in_the_end_the_queue(pages: Pages) -> None:
    keys, ann = pages.keys(), pages.ann
    for n, key in enumerate(keys):
        answer = ann.judge(key, "unanswerable", part=True)
        assert answer.status_code == 200
        assert "<html" not in answer.text
        assert answer.text.startswith("<title>")
        last = n + 1 == len(keys)
        assert answer.headers["hx-push-url"] == ("/queue?round=first" if last else f"/items/{keys[n + 1]}?round=first")
    assert "Nothing is left to do here" in answer.text
    assert "<html" in ann.get(f"/items/{keys[0]}", headers={**PART, "HX-History-Restore-Request": "true"}).text


def test_the_form_shows_what_is_in_force(pages: Pages) -> None:
    key, ann = pages.keys()[0], pages.ann
    ann.judge(key, "reject", reason="other", comment="why\nthis")
    page = ann.get(f"/items/{key}").text
    assert re.search(r'value="reject" data-reject checked', page)
    assert '<option value="other" selected>' in page
    assert ">\nwhy\nthis</textarea>" in page
    assert 'name="based_on" value="1"' in page.partition("data-judgement")[2]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"choice": ""}, "nothing was chosen"),
        ({"choice": "answer:Z"}, "is not offered"),
        ({"choice": "answer:"}, "is not offered"),
        ({"choice": "reject"}, "needs a reason"),
        ({"choice": "reject", "reason": "no such"}, "no such reason"),
        ({"choice": "reject", "reason": "other", "comment": " "}, "say it in the comment"),
        ({"choice": "answer:A", "reason": "poor_image"}, "a reason to reject was chosen"),
        ({"choice": "nonsense"}, "not complete"),
        ({"comment": "\0"}, "the character U+0000"),
        ({"comment": "x" * 2001}, "2001 characters"),
        ({"new_question": "\u202eturned"}, "U+202E"),
    ],
)
def test_what_cannot_be_saved_is_said_in_one_line_and_nothing_typed_is_lost(
    pages: Pages, fields: dict[str, str], said: str
) -> None:
    key, ann = pages.keys()[0], pages.ann
    sent = {"choice": "answer:A", "comment": "a comment of mine", **fields}
    answer = ann.judge(key, **sent)
    assert answer.status_code == 422
    assert said in html.unescape(answer.text)
    assert html.escape(sent["comment"][:1900]).replace("\0", "") in answer.text.replace("\0", "")
    part = ann.judge(key, part=True, **sent)
    assert (part.status_code, part.headers["hx-retarget"]) == (422, "#problem")
    assert said in html.unescape(part.text)
    assert "\n" not in part.text
    assert kinds(pages) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"round": "third"},
        {"round": "adjudication"},
        {"based_on": ""},
        {"based_on": "-1"},
        {"based_on": "1.0"},
        {"based_on": "²"},
        {"based_on": "9" * 30},
        {"save_id": ""},
        {"save_id": "not one"},
    ],
)
def test_incomplete_forms_are_refused(pages: Pages, fields: dict[str, str]) -> None:
    sent = {"round": "first", "based_on": "0", "save_id": str(uuid4()), "choice": "answer:A", **fields}
    assert pages.ann.submit(f"/items/{pages.keys()[0]}/judgement", sent).status_code == 422
    assert kinds(pages) == []


@pytest.mark.parametrize(
    ("posted", "kept"),
    [("23.45", 23.45), ("0", 0.0), ("", None), ("-1", None), ("nan", None), ("inf", None), ("x", None), ("1e9", 86400)],
)
def test_the_time_is_what_the_browser_measured_or_nothing(posted: str, kept: float | None) -> None:
    form = FormData({"round": "first", "based_on": "0", "save_id": str(uuid4()), "elapsed_s": posted})
    assert parse_save(form).elapsed_s == kept


@given(
    choice=st.sampled_from(["answer:A", "answer:E", "unanswerable", "reject"]),
    reason=st.sampled_from(list(RejectReason)),
    wording=st.text(st.characters(categories=["L", "Nd", "Zs"]), max_size=20),
    comment=st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=20),
)
def test_a_judgement_survives_being_shown_and_posted_again(
    choice: str, reason: RejectReason, wording: str, comment: str
) -> None:
    item: ClosedItem = item_with().item
    made = judge(
        item,
        answer=choice[-1] if choice.startswith("answer") else None,
        unanswerable=choice == "unanswerable",
        reason=reason if choice == "reject" else None,
        new_question=wording,
        comment=comment,
    )
    typed = typed_of(made)
    fields = {"choice": typed.choice, "reason": typed.reason, "comment": typed.comment.replace("\n", "\r\n")}
    assert judgement_of(parse_typed(FormData({**fields, "new_question": typed.new_question})), item) == made


def test_plain_fields_say_the_same_as_the_choice() -> None:
    item = item_with().item
    for fields, choice in (
        ({"answer": "C"}, "answer:C"),
        ({"unanswerable": "1"}, "unanswerable"),
        ({"reason": "poor_image"}, "reject"),
    ):
        assert parse_typed(FormData(fields)).choice == choice
        judgement_of(parse_typed(FormData(fields)), item)
    with pytest.raises(InputError, match="JUDGEMENT_NONE"):
        judgement_of(parse_typed(FormData({})), item)


def test_a_wording_that_was_only_shown_is_no_new_wording() -> None:
    item = item_with(question="First line\r\nsecond  line ").item
    shown = {"choice": "answer:A", "new_question": "First line\r\nsecond  line "}
    assert judgement_of(parse_typed(FormData(shown)), item).new_question is None


# --- conflicts and late saves ---


def test_a_second_tab_does_not_overwrite_the_first(pages: Pages) -> None:
    key, ann = pages.keys()[0], pages.ann
    ann.judge(key, "answer:A", comment="the first tab")
    answer = ann.judge(key, "reject", reason="poor_image", comment="the <second> tab", new_question="Better?")
    assert answer.status_code == 409
    for text in ("A. ", "reject: the picture is too poor", "the first tab", "the &lt;second&gt; tab", "Better?"):
        assert text in answer.text
    assert answer.text.count(">differs</span>") == 3
    lane = pages.room.lane(key, "ann", Round.FIRST)
    assert lane is not None
    assert lane.judgement is not None
    assert (lane.version, lane.judgement.comment) == (1, "the first tab")
    assert kinds(pages) == [("ann", EventKind.DECIDED), ("ann", EventKind.CONFLICTED)]

    form = answer.text.partition("data-resolve")[2].partition("</form>")[0]
    names = ("round", "based_on", "save_id", "choice", "reason", "new_question", "comment")
    over = ann.submit(f"/items/{key}/judgement", {name: html.unescape(hidden(form, name)) for name in names})
    assert over.status_code == 303
    lane = pages.room.lane(key, "ann", Round.FIRST)
    assert lane is not None
    assert lane.judgement == Judgement.model_validate(
        {
            "verdict": "reject",
            "reason": "poor_image",
            "comment": "the <second> tab",
            "new_question": "Better?",
        }
    )
    assert len(list(pages.room.events())) == 3


def test_a_conflict_sent_twice_is_still_a_conflict(pages: Pages) -> None:
    key, ann, save_id = pages.keys()[0], pages.ann, str(uuid4())
    ann.judge(key, "answer:A")
    for _ in range(2):
        sent = {"round": "first", "based_on": "0", "save_id": save_id, "choice": "answer:B"}
        assert ann.submit(f"/items/{key}/judgement", sent, part=True).status_code == 409
    assert len(kinds(pages)) == 2


def test_a_page_gone_back_to_and_sent_otherwise_is_a_save_of_its_own(pages: Pages) -> None:
    key, ann, save_id = pages.keys()[0], pages.ann, str(uuid4())
    sent = {"round": "first", "based_on": "0", "save_id": save_id, "choice": "answer:A"}
    ann.submit(f"/items/{key}/judgement", sent)
    answer = ann.submit(f"/items/{key}/judgement", {**sent, "choice": "answer:B"})
    assert answer.status_code == 409
    assert "B. " in answer.text
    assert kinds(pages) == [("ann", EventKind.DECIDED), ("ann", EventKind.CONFLICTED)]


def test_what_comes_after_a_later_round_began_is_kept_and_said_so(pages: Pages) -> None:
    key, ann = differing(pages), pages.ann
    decide(pages.room, key, "bob", "B", round=Round.SECOND)
    answer = ann.judge(key, "answer:C", based_on=1, comment="too late")
    assert answer.status_code == 409
    assert "A later round has begun" in answer.text
    assert "too late" in answer.text
    late = list(pages.room.events())[-1]
    assert (late.kind, late.judgement and late.judgement.comment) == (EventKind.CONFLICTED, "too late")
    page = ann.get(f"/items/{key}?round=first").text
    assert "Save and go on" not in page
    assert "cannot be changed" in page


# --- taking back ---


def test_undo_returns_to_the_question_with_what_was_there_before(pages: Pages) -> None:
    key, ann = pages.keys()[0], pages.ann
    ann.judge(key, "answer:A")
    ann.judge(key, "answer:B", based_on=1)
    page = ann.get(f"/items/{pages.keys()[1]}").text.partition("data-undo")[2]
    fields = {name: hidden(page, name) for name in ("round", "based_on", "save_id")}
    answer = ann.submit(f"/items/{key}/undo", fields)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/items/{key}?round=first")
    assert 'value="answer:A" checked' in ann.get(answer.headers["location"]).text
    part = ann.undo(key, based_on=3, part=True)
    assert (part.status_code, part.headers["hx-push-url"]) == (200, f"/items/{key}?round=first")
    assert " checked" not in part.text
    assert "0 of 6 done" in ann.get("/queue").text
    assert "data-undo" not in ann.get("/queue").text
    assert ann.undo(key, based_on=4).status_code == 409
    assert [kind for _, kind in kinds(pages)] == [EventKind.DECIDED] * 2 + [EventKind.UNDONE] * 2


def test_undo_of_what_has_changed_since_takes_nothing_back(pages: Pages) -> None:
    key, ann = pages.keys()[0], pages.ann
    ann.judge(key, "answer:A")
    ann.judge(key, "answer:B", based_on=1)
    answer = ann.undo(key, based_on=1)
    assert answer.status_code == 409
    assert "Nothing was taken back" in answer.text
    lane = pages.room.lane(key, "ann", Round.FIRST)
    assert lane is not None
    assert lane.judgement is not None
    assert lane.judgement.answer == "B"


# --- round two ---


def test_round_two_shows_the_others_without_names_and_writes_it_down_first(pages: Pages) -> None:
    key, ann = differing(pages), pages.ann
    assert f"/items/{key}?round=second" in ann.get("/queue?round=second").text
    page = ann.get(f"/items/{key}?round=second").text
    events = [(event.reader, event.round, event.kind) for event in pages.room.events(key)]
    assert events[-1] == ("ann", Round.SECOND, EventKind.PEERS_SHOWN)
    letters = reader_letters(key, ["ann", "bob"])
    assert f"Reader {letters['bob']}</strong>: <bdi>B. " in page
    assert f"Reader {letters['ann']} (you)</strong>: <bdi>A. " in page
    assert "A better question?" in page
    assert "seen from bob" in page
    assert not re.search(r"\bbob\b", page.replace("seen from bob", ""))
    assert 'value="answer:A" checked' in page
    assert "save to confirm it" in page
    lane = pages.room.lane(key, "ann", Round.SECOND)
    assert lane is not None
    assert lane.judgement is None
    assert pages.bob.get(f"/items/{key}?round=second").text.count(f"Reader {letters['ann']}</strong>") == 1
    ann.judge(key, "answer:B", round=Round.SECOND)
    assert "confirm it by saving" not in ann.get(f"/items/{key}?round=second").text


def test_round_two_shows_the_proposed_answer(pages: Pages) -> None:
    key = differing(pages)
    held = pages.room.item(key)
    assert held is not None
    page = pages.ann.get(f"/items/{key}?round=second").text
    assert re.findall(r'value="answer:(.)"[^>]* data-proposed', page) == [held.item.answer]


def test_nothing_of_the_others_is_shown_unless_the_record_has_it(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    key, ann = differing(pages), pages.ann

    def failing(*_: object) -> None:
        raise InputError("ROOM_FAILED", "the disk of /secret/path is full")

    monkeypatch.setattr(Room, "begin_second", failing)
    for place in (f"/items/{key}?round=second", "/queue?round=second"):
        answer = ann.get(place)
        assert answer.status_code == 503
        assert "seen from bob" not in answer.text
        assert key not in answer.text
        assert "/secret/path" not in answer.text


def test_round_one_shows_the_proposed_answer_only_if_the_room_says_so(tmp_path: Path) -> None:
    for shown in (False, True):
        with pages_over(tmp_path / str(shown), 2, proposed_shown=shown) as pages:
            page = pages.ann.get(f"/items/{pages.keys()[0]}").text
            assert ("data-proposed" in page, ">proposed<" in page) == (shown, shown)


def test_a_room_of_one_round_has_no_second(tmp_path: Path) -> None:
    with pages_over(tmp_path, 2, rounds=1) as pages:
        key, ann = differing(pages), pages.ann
        assert "Second round" not in ann.get("/queue").text
        assert ann.get(f"/items/{key}?round=second").status_code == 404


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=6, unique=True))
def test_letters_of_readers_do_not_depend_on_who_looks(names: list[str]) -> None:
    letters = reader_letters("q1", names)
    assert letters == reader_letters("q1", reversed(names))
    assert sorted(letters.values()) == list("ABCDEF"[: len(names)])


# --- who may ---


def test_questions_of_others_do_not_exist(pages: Pages) -> None:
    key, chris, ann = pages.keys()[0], pages.chris, pages.ann
    assert chris.get(f"/items/{key}").status_code == 404
    assert chris.judge(key).status_code == 404
    assert chris.undo(key, based_on=0).status_code == 404
    assert chris.submit(f"/items/{key}/mask-shown").status_code == 404
    assert ann.get(f"/items/{key}?round=second").status_code == 404
    assert ann.judge(key, round=Round.SECOND).status_code == 404
    for name in ("q0000000000000000", "q" * 17, "glioma_image_0", "%00", "{{7*7}}"):
        answer = ann.get(f"/items/{name}")
        assert answer.status_code == 404
        assert ">49<" not in answer.text
        assert "no such page" in answer.text
    for place in ("/adjudication", f"/adjudication/{key}"):
        assert ann.get(place).status_code == 404
    assert kinds(pages) == []


# --- texts from files ---

HOSTILE = (
    "<script>alert(1)</script>",
    "{{7*7}}{% raw %}",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "\u202etxet desrever\u202c",
    "W" * 1500,
    "</textarea><script>alert(2)</script>",
    "</title><svg onload=alert(3)>",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_files_are_text(tmp_path: Path, text: str) -> None:
    held = item_with(question=text, options=(text, text + " ", "C", "D", "E"))
    with Room(tmp_path / "room.sqlite", create=True) as room:
        settings = room_settings().model_copy(update={"title": text[:50]})
        room.set_up(settings, [held], PEOPLE, [Assignment(key=held.key, reader=name) for name in ("ann", "bob")])
        write_pictures(tmp_path, 2)
        pages = Pages(room, tmp_path)
        ann = pages.ann
        answers = [ann.get(f"/items/{held.key}"), ann.get("/queue"), ann.get("/sign-in")]
        comment = text.replace("\u202e", "").replace("\u202c", "")
        assert ann.judge(held.key, "answer:A", comment=comment).status_code == 303
        answers += [ann.judge(held.key, "answer:B", comment=comment + "!"), ann.judge(held.key, "")]
        pages.bob.judge(held.key, "answer:B", comment=comment)
        answers.append(ann.get(f"/items/{held.key}?round=second"))
        for answer in answers:
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert "script-src 'self'" in answer.headers["content-security-policy"]
            for bad in ("<script>alert", "<img", "<svg", " onfocus=alert(1) x='\"", "7*7 ==", ">49<"):
                assert bad not in answer.text
        shown = answers[0].text
        assert f"<bdi>{escaped(text)}</bdi></h1>" in shown
        assert shown.count(f"<bdi>{escaped(text)}") == 3


def escaped(text: str) -> str:
    """As templates escape."""
    return html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def test_pages_have_no_inline_script_or_style_and_one_first_heading(pages: Pages) -> None:
    key, ann = differing(pages), pages.ann
    places = ["/queue", "/help", f"/items/{pages.keys()[1]}", f"/items/{key}?round=second", "/sign-in", "/none"]
    for answer in [*(ann.get(place) for place in places), ann.judge(key)]:
        assert not re.search(r"<script(?![^>]* src=)", answer.text)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", answer.text)
        levels = [int(level) for level in re.findall(r"<h(\d)", answer.text)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        ids = re.findall(r'\sid="([^"]+)"', answer.text)
        assert len(ids) == len(set(ids))
        for target in re.findall(r'\sfor="([^"]+)"', answer.text):
            assert target in ids
