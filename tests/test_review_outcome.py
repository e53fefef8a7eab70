"""What a room comes to: consensus, adjudication, changes, rejections, twins; nothing disappears."""

import pytest

from neuroonco.build.records import NONE_OF_THE_ABOVE
from neuroonco.review.outcome import outcome_of
from neuroonco.review.outcome_records import Fate, SettledBy
from neuroonco.review.records import Verdict
from neuroonco.review.room import Room
from neuroonco.review.room_files import content_of
from neuroonco.review.room_records import Assignment, EventKind, ItemStatus, RejectReason, Round
from neuroonco.review.sheet import apply_decisions, item_key
from neuroonco.vocabulary import DropReason
from review_rooms import ADJUDICATOR, PEOPLE, READERS, decide, fill, item_with, room_settings


def room_of(tmp_path, items, rounds=2):
    room = Room(tmp_path / "room.sqlite", create=True)
    assignments = [Assignment(key=item.key, reader=reader) for item in items for reader in READERS]
    room.set_up(room_settings(rounds=rounds), items, PEOPLE, assignments)
    return room


def both(room, key, answer=None, round=Round.FIRST, **more):
    for reader in READERS:
        decide(room, key, reader, answer, round=round, **more)


def outcome(room, **more):
    return outcome_of(content_of(room), **more)


def one(found, key):
    (row,) = [row for row in found if row.key == key]
    return row


def test_consensus_change_and_new_words(tmp_path):
    entry = item_with(answer="A")
    with room_of(tmp_path, [entry]) as room:
        both(room, entry.key, "B", new_question="Which tumor?", comment="ring", elapsed_s=3.5)
        result = outcome(room)
    (kept,) = result.kept
    assert (kept.answer, kept.question, kept.label_source) == ("B", "Which tumor?", "review")
    assert kept.model_copy(update={"answer": "A", "question": entry.item.question, "label_source": "source"}) == (
        entry.item
    )
    row = one(result.provenance, entry.key)
    assert (row.status, row.settled_by, row.readers) == (ItemStatus.AGREED, SettledBy.CONSENSUS, 2)
    assert {(c.field, c.before, c.after) for c in row.changes} == {
        ("answer", "A", "B"),
        ("question", entry.item.question, "Which tumor?"),
        ("label_source", "source", "review"),
    }
    assert [(j.by, j.round, j.verdict, j.answer, j.comment, j.elapsed_s) for j in row.judgements] == [
        (name, Round.FIRST, Verdict.CHANGE, "B", "ring", 3.5) for name in READERS
    ]
    assert result.counts()["answers_changed"] == result.counts()["reworded"] == 1


def test_new_words_alone_leave_the_source_of_the_answer(tmp_path):
    entry = item_with(answer="A")
    with room_of(tmp_path, [entry]) as room:
        both(room, entry.key, "A", new_question="Which tumor?")
        (kept,) = outcome(room).kept
    assert (kept.answer, kept.question, kept.label_source) == ("A", "Which tumor?", "source")


def test_a_change_from_and_to_none_of_the_above_moves_the_mark(tmp_path):
    plain, rejection = item_with(answer="A"), item_with(answer="E", image_id="other")
    with room_of(tmp_path, [plain, rejection]) as room:
        both(room, plain.key, "E")
        both(room, rejection.key, "B")
        result = outcome(room)
    kept = {item_key(item): item for item in result.kept}
    assert (kept[plain.key].is_rejection, kept[plain.key].removed_answer) == (True, None)
    assert (kept[rejection.key].is_rejection, kept[rejection.key].removed_answer) == (False, None)
    changed = {c.field: (c.before, c.after) for c in one(result.provenance, rejection.key).changes}
    assert changed["is_rejection"] == ("true", "false")
    assert changed["removed_answer"] == ("Schwannoma", None)


def test_second_round_and_adjudication_say_on_whose_word(tmp_path):
    second, last = item_with(image_id="a"), item_with(image_id="b")
    with room_of(tmp_path, [second, last]) as room:
        for entry in (second, last):
            decide(room, entry.key, "ann", "A")
            decide(room, entry.key, "bob", "B", elapsed_s=2.0)
        both(room, second.key, "B", round=Round.SECOND)
        decide(room, last.key, "ann", "A", round=Round.SECOND)
        decide(room, last.key, "bob", "B", round=Round.SECOND)
        room.note_shown(last.key, ADJUDICATOR, Round.ADJUDICATION, EventKind.MODELS_SHOWN)
        decide(room, last.key, ADJUDICATOR, "C", round=Round.ADJUDICATION, comment="necrosis")
        room.note_shown(last.key, ADJUDICATOR, Round.ADJUDICATION, EventKind.MASK_SHOWN)
        result = outcome(room)
    row = one(result.provenance, second.key)
    assert (row.settled_by, row.readers, len(row.judgements)) == (SettledBy.CONSENSUS, 2, 4)
    assert {d.reader for d in result.decisions if d.item == second.key} == set(READERS)
    row = one(result.provenance, last.key)
    assert (row.status, row.settled_by, row.readers) == (ItemStatus.ADJUDICATED, SettledBy.ADJUDICATION, 1)
    final = row.judgements[-1]
    assert (final.by, final.answer, final.models_seen, final.mask_seen) == (ADJUDICATOR, "C", True, False)
    assert [d.reader for d in result.decisions if d.item == last.key] == [ADJUDICATOR]
    assert {item.image_id: item.answer for item in result.kept} == {"a": "B", "b": "C"}


def test_the_mask_counts_as_seen_only_before_the_judgement_and_for_that_person(tmp_path):
    entry = item_with()
    with room_of(tmp_path, [entry]) as room:
        decide(room, entry.key, "ann", "B")
        room.note_shown(entry.key, "ann", Round.FIRST, EventKind.MASK_SHOWN)
        room.note_shown(entry.key, "bob", Round.FIRST, EventKind.MASK_SHOWN)
        decide(room, entry.key, "bob", "B")
        seen = {j.by: j.mask_seen for j in outcome(room).provenance[0].judgements}
        assert seen == {"ann": False, "bob": True}
        decide(room, entry.key, "ann", "B", comment="again")
        assert all(j.mask_seen for j in outcome(room).provenance[0].judgements)


def test_rejected_and_unanswerable_are_kept_apart_in_full(tmp_path):
    bad, dark = item_with(image_id="a"), item_with(image_id="b")
    with room_of(tmp_path, [bad, dark]) as room:
        decide(room, bad.key, "ann", reason=RejectReason.SEVERAL_RIGHT, comment="A and B")
        decide(room, bad.key, "bob", reason=RejectReason.POOR_IMAGE)
        both(room, dark.key, unanswerable=True)
        result = outcome(room)
    assert result.kept == result.pending == []
    row = one(result.rejected, bad.key)
    assert (row.fate, row.comments, row.item) == (Fate.REJECTED, ("A and B",), bad.item)
    assert set(row.reasons) == {RejectReason.SEVERAL_RIGHT, RejectReason.POOR_IMAGE}
    assert "more than one option is right" in row.why
    assert one(result.rejected, dark.key).fate is Fate.UNANSWERABLE
    assert len(result.dropped()) == 2
    assert all(not row.in_benchmark and not row.changes for row in result.provenance)


def test_pending_questions_are_left_out_or_taken_as_they_came(tmp_path):
    entry = item_with(answer="A")
    with room_of(tmp_path, [entry]) as room:
        decide(room, entry.key, "ann", "B")
        result, more = outcome(room), outcome(room, include_pending=True)
    assert result.kept == []
    assert [(row.status, row.fate) for row in result.pending] == [(ItemStatus.FIRST_ROUND, Fate.PENDING)]
    assert [one.reason for one in result.dropped()] == [DropReason.REVIEW_PENDING]
    assert result.decisions == []
    assert more.kept == [entry.item]
    assert more.dropped() == []
    assert (more.provenance[0].fate, more.provenance[0].in_benchmark, more.provenance[0].settled_by) == (
        Fate.PENDING,
        True,
        None,
    )
    assert more.counts()["pending"] == 1


def twins():
    first = item_with(answer="A")
    twin = item_with(answer="E", q_index=1)
    twin = twin.model_copy(update={"item": twin.item.model_copy(update={"twin_of": 0})})
    return first, twin


@pytest.mark.parametrize(
    ("of_first", "of_twin", "kept", "fate"),
    [
        ({"answer": "A"}, {"answer": "E"}, [0, 1], Fate.KEPT),
        ({"reason": RejectReason.POOR_IMAGE}, {"answer": "E"}, [], Fate.TWIN_ALONE),
        ({"answer": "A"}, {"reason": RejectReason.POOR_IMAGE}, [0], Fate.REJECTED),
        ({"answer": "E"}, {"answer": "E"}, [0], Fate.TWIN_ALONE),
        ({"answer": "B"}, {"answer": "B"}, [0], Fate.TWIN_ALONE),
        ({"answer": "E"}, {"answer": "B"}, [0, 1], Fate.KEPT),
        ({"answer": "A", "new_question": "Which?"}, {"answer": "E"}, [0], Fate.TWIN_ALONE),
        ({"answer": "A", "new_question": "Which?"}, {"answer": "E", "new_question": "Which?"}, [0, 1], Fate.KEPT),
        (None, {"answer": "E"}, [], Fate.PENDING),
    ],
)
def test_a_twin_stays_only_as_half_of_a_pair(tmp_path, of_first, of_twin, kept, fate):
    first, twin = twins()
    with room_of(tmp_path, [first, twin]) as room:
        for entry, said in ((first, of_first), (twin, of_twin)):
            if said is not None:
                both(room, entry.key, **said)
        result = outcome(room)
    assert [item.q_index for item in result.kept] == kept
    row = one(result.provenance, twin.key)
    assert (row.fate, row.in_benchmark) == (fate, 1 in kept)
    assert len(result.kept) + len(result.rejected) + len(result.pending) == 2


def test_with_pending_questions_a_settled_twin_stays_beside_its_question(tmp_path):
    first, twin = twins()
    with room_of(tmp_path, [first, twin]) as room:
        both(room, twin.key, "E")
        result = outcome(room, include_pending=True)
    assert [item.q_index for item in result.kept] == [0, 1]


def test_decisions_applied_to_the_file_give_the_same_benchmark(tmp_path):
    room, _ = fill(tmp_path, 10)
    with room:
        items = list(room.items())
        for n, entry in enumerate(items):
            letters = [option.letter for option in entry.item.options]
            if n % 5 == 0:
                both(room, entry.key, reason=RejectReason.UNCLEAR_WORDING, comment="?")
            elif n % 5 == 1:
                both(room, entry.key, letters[0], new_question=f"Better words {n}?")
            elif n % 5 == 2:
                both(room, entry.key, letters[-1])
            elif n % 5 == 3:
                decide(room, entry.key, "ann", letters[0])
            else:
                both(room, entry.key, unanswerable=True)
        result = outcome(room, include_pending=True)
    applied = apply_decisions([entry.item for entry in items], result.decisions)
    assert not applied.quarantined
    assert sorted(applied.kept, key=item_key) == sorted(result.kept, key=item_key)
    assert len(applied.dropped) == len(result.rejected) == 4


def test_numbered_images_are_in_the_order_of_their_numbers(tmp_path):
    items = [item_with(image_id=str(n)) for n in (10, 9, 1)]
    items = [e.model_copy(update={"item": e.item.model_copy(update={"slice_id": e.item.image_id})}) for e in items]
    with room_of(tmp_path, items) as room:
        result = outcome(room, include_pending=True)
    assert [item.image_id for item in result.kept] == ["1", "9", "10"]
    assert [row.image_id for row in result.provenance] == ["1", "9", "10"]
    assert NONE_OF_THE_ABOVE in {option.text for option in result.kept[0].options}
