"""Round one is blind: nothing that a reader gets says where a picture is from, what is right, or what others said."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from neuroonco.build.records import ClosedItem
from neuroonco.catalog.records import MaskRef
from neuroonco.review.room import Room
from neuroonco.review.room_records import Assignment, EventKind, ModelNote, Person, RoomItem, Round
from neuroonco.vocabulary import MaskKind, QuestionType
from review_pages import PART, Pages, Tab, pages_over
from review_rooms import PEOPLE, decide, item_with, room_settings, write_pictures

FOLDER = "zz_secret_glioma_folder"
MASKS = "zz_hidden_mask_folder"
PEER = "Zebedee Zylberstein"
PEOPLE_HERE = (*PEOPLE, Person(name=PEER))
SECRETS = (
    "zz_secret",
    "zz_hidden",
    "zz_image",
    "zz_slice",
    "zz_source",
    "zz_patient",
    "zz_removed",
    "zz_model",
    "zz_st",
)
"""Beginnings of everything that must not be seen."""
WORDS_OF_PEERS = (PEER, "Zebedee", "zz_comment_of_the_peer", "zz_wording_of_the_peer")


def secret_item(number: int) -> RoomItem:
    """A question whose every hidden field has a word of its own."""
    question = ("Which type of tumor is shown?", "Is the brain abnormal or healthy?")[number % 2]
    options = (("Meningioma", "Metastasis", "Ependymoma", "None of the above"), ("Abnormal", "Healthy"))[number % 2]
    made = item_with(
        question,
        options,
        answer="D" if number % 2 == 0 else "A",
        question_type=QuestionType.DIAGNOSIS,
        image_id=f"zz_image_{number}",
        image_path=f"{FOLDER}/zz_secret_file_{number}.png",
        mask=MaskRef(path=f"{MASKS}/zz_hidden_{number}.png", kind=MaskKind.BINARY) if number % 3 == 0 else None,
        notes=(ModelNote(reader="zz_model_x", kind="prediction", statements={"answer": "zz_statement"}),),
    )
    hidden: dict[str, object] = {"slice_id": f"zz_slice_{number}", "source_id": "zz_source", "group_id": "zz_patient"}
    if made.item.is_rejection:
        hidden["removed_answer"] = "zz_removed_schwannoma"
    item: ClosedItem = made.item.model_copy(update=hidden)
    return made.model_copy(update={"item": item})


def move_pictures(root: Path, items: list[RoomItem]) -> None:
    """Real pictures under the names of the questions; the last one is broken."""
    write_pictures(root, 2)
    picture = (root / "glioma" / "slice_0.png").read_bytes()
    outline = (root / "masks" / "slice_0.png").read_bytes()
    for held in items:
        path = root / held.item.image_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
        if held.mask is not None:
            (root / held.mask.path).parent.mkdir(parents=True, exist_ok=True)
            (root / held.mask.path).write_bytes(outline)
    (root / items[-1].item.image_path).write_bytes(b"no picture")


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    items = [secret_item(number) for number in range(6)]
    move_pictures(tmp_path / "zz_secret_root", items)
    assigned = [Assignment(key=held.key, reader=name) for held in items for name in ("ann", PEER)]
    with Room(tmp_path / "room.sqlite", create=True) as room:
        room.set_up(room_settings(), items, PEOPLE_HERE, assigned)
        for held in items[:-1]:
            decide(
                room,
                held.key,
                PEER,
                "A",
                comment="zz_comment_of_the_peer",
                new_question="zz_wording_of_the_peer",
                save_id=f"peer-{held.key}",
            )
        yield Pages(room, tmp_path / "zz_secret_root")


def everything_of_round_one(pages: Pages, tab: Tab) -> list[httpx2.Response]:
    """Every answer that a reader can get in round one, by whole pages and parts, by links and by guessing."""
    keys = pages.keys("ann")
    seen: dict[str, httpx2.Response] = {}
    waiting = ["/", "/queue", "/queue?round=second", "/queue?only=open", "/help", "/session", "/healthz", "/sign-in"]
    waiting += ["/adjudication", "/progress", "/agreement", "/nowhere", "/static/review/", "/static/viewer/"]
    for key in keys:
        waiting += [f"/items/{key}", f"/items/{key}?round=second", f"/adjudication/{key}"]
        waiting += [f"/slices/{key}/values", f"/slices/{key}/mask"]
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen[place] = answer = tab.get(place)
        if answer.headers.get("content-type", "").startswith("text/html"):
            found = re.findall(r'(?:href|src|action|hx-post|data-[a-z-]*url)="(/[^"]*)"', answer.text)
            waiting += [link.replace("&amp;", "&") for link in found]
        if answer.is_redirect:
            waiting.append(answer.headers["location"])
    answers = list(seen.values())
    answers += [tab.get(place, headers=PART) for place in seen if place.startswith(("/items", "/queue"))]
    for number, key in enumerate(keys):
        bad = {"round": "first", "based_on": "0", "save_id": str(uuid4()), "choice": "answer:Z"}
        answers += [tab.submit(f"/items/{key}/judgement", bad, part=part) for part in (False, True)]
        answers += [tab.submit(f"/items/{key}/undo", bad), tab.submit(f"/items/{key}/judgement", {})]
        answers.append(tab.judge(key, "answer:B", part=number % 2 == 0))
        answers.append(tab.judge(key, "answer:A", part=number % 2 == 0))  # a conflict
        answers += [tab.get(f"/items/{key}"), tab.get("/queue")]
        answers.append(tab.undo(key, based_on=1, part=number % 2 == 0))
        answers.append(tab.submit(f"/items/{key}/mask-shown"))
        answers.append(tab.get(f"/slices/{key}/mask"))
    return answers


def test_nothing_in_round_one_tells_what_must_stay_hidden(pages: Pages) -> None:
    tab = pages.ann
    answers = everything_of_round_one(pages, tab)
    assert {answer.status_code for answer in answers} >= {200, 204, 303, 403, 404, 409, 410, 422}
    assert sum(answer.headers.get("content-type") == "application/octet-stream" for answer in answers) >= 5
    for answer in answers:
        where = f"{answer.request.method} {answer.request.url} {answer.status_code}"
        if "/static/" in str(answer.request.url):
            continue
        for name, value in [("url", str(answer.request.url)), *answer.headers.multi_items()]:
            for secret in (*SECRETS, *WORDS_OF_PEERS):
                assert secret not in value, f"{where}: {secret} in {name}"
        body = answer.content.decode("utf-8", "replace")
        for secret in (*SECRETS, *WORDS_OF_PEERS):
            assert secret.casefold() not in body.casefold(), f"{where}: {secret}"
        for word in ("data-proposed", "option-proposed", ">proposed<", "Reader A", "Reader B", "is_rejection"):
            assert word not in body, f"{where}: {word}"
        assert "glioma" not in body, where  # in no option, only in the folder's name
        assert "schwannoma" not in body.casefold(), where
        facts = answer.headers.get("x-slice-facts")
        if facts is not None:
            assert set(json.loads(facts)) == {
                *("width_px", "height_px", "channels", "bits", "slope", "intercept"),
                *("center", "width", "least", "most"),
            }


def test_pages_of_questions_differ_in_what_is_asked_only(pages: Pages) -> None:
    """With the key, the place and the tokens of the form taken out, two pages about the same wording are one page."""
    tab, found = pages.ann, {}
    keys = pages.keys("ann")
    total = len(keys)
    for number, key in enumerate(keys, start=1):
        page = tab.get(f"/items/{key}").text
        page = re.sub(r"q[0-9a-f]{16}", "KEY", page).replace(f"Question {number} ", "Question N ")
        page = re.sub(r'name="save_id" value="[^"]*"', "", page)
        page = re.sub(r"<a [^>]*data-(previous|next)[^>]*>[^<]*</a>\s*", "", page)
        held = pages.room.item(key)
        assert held is not None
        page = re.sub(r"\s+", " ", page)
        found.setdefault(held.item.question, set()).add(page)
    assert sum(len(same) for same in found.values()) == len(found) == 2, f"of {total}"


def test_the_peers_words_are_there_once_round_two_has_begun_and_still_no_name(pages: Pages) -> None:
    """The other test would pass on pages that show nothing at all."""
    key, tab = pages.keys("ann")[0], pages.ann
    held = next(key for key in pages.keys("ann") if pages.room.lane(key, PEER, Round.FIRST).version)  # type: ignore[union-attr]
    tab.judge(held, "answer:B")
    before = tab.get(f"/items/{held}?round=first").text
    assert "zz_comment_of_the_peer" not in before
    page = tab.get(f"/items/{held}?round=second").text
    assert "zz_comment_of_the_peer" in page
    assert "zz_wording_of_the_peer" in page
    assert "data-proposed" in page
    assert "Zebedee" not in page
    for secret in SECRETS:
        assert secret not in page
    assert EventKind.PEERS_SHOWN in {event.kind for event in pages.room.events(held, "ann")}
    assert tab.get(f"/items/{key}?round=first").status_code == 200


def test_the_log_of_a_session_holds_no_secret(pages: Pages, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="neuroonco"):
        tab = pages.ann
        everything_of_round_one(pages, tab)
        tab.sign_in(**{"token": "zz-wrong-token"})
    secret = tab.cookies[pages.app.state.services.cookie]
    for hidden in (pages.tokens["ann"], secret, tab.csrf, "zz-wrong-token", "zz_comment_of_the_peer"):
        assert hidden not in caplog.text


# --- which questions are in round two is not to be learned either, as long as round one can be changed ---


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Pages]:
    """Both readers have judged: they agree on the first question and differ on the second."""
    with pages_over(tmp_path, 2) as pages:
        first, second = (held.key for held in pages.room.items())
        for key, said in ((first, "A"), (second, "B")):
            decide(pages.room, key, "ann", "A")
            decide(pages.room, key, "bob", said)
        yield pages


def test_the_list_of_round_two_closes_round_one_before_it_names_a_question(two: Pages) -> None:
    agreed, differs = (held.key for held in two.room.items())
    ann = two.ann
    assert differs in ann.get("/queue?round=second").text
    kinds = [(event.key, event.reader, event.kind) for event in two.room.events() if event.round is Round.SECOND]
    assert kinds == [(differs, "ann", EventKind.PEERS_SHOWN)]
    for name, version in (("ann", 1), ("bob", 1)):
        assert two.tab(name).judge(differs, "answer:B", based_on=version).status_code == 409
        assert two.tab(name).undo(differs, based_on=version).status_code == 409
    lane = two.room.lane(differs, "ann", Round.FIRST)
    assert lane is not None
    assert lane.judgement is not None
    assert lane.judgement.answer == "A"
    assert ann.judge(agreed, "answer:B", based_on=1).status_code == 303  # of this one nothing was told
    ann.get("/queue?round=second")
    assert two.room.begin_second("ann") == 0


def test_a_question_of_round_two_answers_like_any_other_before_the_round_was_begun(two: Pages) -> None:
    agreed, differs = (held.key for held in two.room.items())
    ann, before = two.ann, list(two.room.events())

    def tried(key: str) -> list[int]:
        return [
            ann.judge(key, "answer:Z", round=Round.SECOND).status_code,
            ann.judge(key, "answer:A", round=Round.SECOND).status_code,
            ann.undo(key, based_on=0, round=Round.SECOND).status_code,
            ann.submit(f"/items/{key}/mask-shown?round=second").status_code,
        ]

    assert tried(agreed) == tried(differs) == [404, 404, 404, 404]
    assert ann.get("/progress?format=json").json()["rounds"][1:] == []
    assert list(two.room.events()) == before
    assert ann.get(f"/items/{agreed}?round=second").status_code == 404
    shown = [event.key for event in two.room.events() if event.kind is EventKind.PEERS_SHOWN]
    assert shown == [differs]  # asking for one page of the round is beginning it
    assert ann.judge(differs, "answer:A", round=Round.SECOND).status_code == 303


def test_who_gets_no_picture_can_only_reject(tmp_path: Path) -> None:
    with pages_over(tmp_path, 2) as pages:
        for path in pages.root.rglob("*.png"):
            path.unlink()
        key, ann = pages.keys()[0], pages.ann
        for choice in ("answer:A", "unanswerable"):
            answer = ann.judge(key, choice, part=True)
            assert answer.status_code == 422
            assert "nobody can judge a picture that is not there" in answer.text
        assert list(pages.room.events()) == []
        assert ann.judge(key, "reject", reason="poor_image").status_code == 303
