"""Commands that say how a review goes: review status, agreement."""

from typing import Any

from neuroonco.cli.options import AsJson, Resamples, Seed
from neuroonco.cli.output import result, result_json, table
from neuroonco.cli.review_options import RoomPlace
from neuroonco.resampling import RESAMPLES
from neuroonco.resampling import SEED as AGREEMENT_SEED
from neuroonco.review.progress_figures import Progress, progress
from neuroonco.review.room import Room
from neuroonco.review.room_records import Person, RoomSettings


def review_status_command(room: RoomPlace, as_json: AsJson = False) -> None:
    """Say how far a review is: everybody's share of each round, and where the questions stand.

    Example: neuroonco review status room.sqlite
    """
    with Room(room) as opened:
        settings, people = opened.settings(), opened.people()
        found = progress(people, opened.assignments(), opened.states(), opened.events())
    if as_json:
        result_json(status_document(settings, people, found))
        return
    result(f"{settings.title}: {found.n_items} questions, {settings.rounds} round{'s' * (settings.rounds > 1)}")
    rounds = [
        (one.person, one.round.value, one.done, one.total, "-" if one.median_s is None else f"{one.median_s:.0f}")
        for one in found.rounds
    ]
    if rounds:
        table("By person and round", ("person", "round", "done", "of", "median s"), rounds, to_stdout=True)
    invited = {one.name: "yes" if one.has_token else "no" for one in people}
    rows = [
        (
            one.person,
            one.role.value,
            invited.get(one.person, "no"),
            one.masks_asked,
            one.conflicts_kept,
            one.last_at or "-",
        )
        for one in found.people
    ]
    if rows:
        columns = ("person", "role", "invited", "outlines seen", "conflicts", "last")
        table("People", columns, rows, to_stdout=True)
    stands = [(status.value, n) for status, n in (found.statuses or {}).items()]
    table("Questions by status", ("status", "questions"), stands, to_stdout=True)


def status_document(settings: RoomSettings, people: list[Person], found: Progress) -> dict[str, Any]:
    """The same for programs."""
    invited = {one.name: one.has_token for one in people}
    document = found.model_dump(mode="json")
    document["people"] = [row | {"invited": invited.get(row["person"], False)} for row in document["people"]]
    return {"settings": settings.model_dump(mode="json")} | document


def review_agreement_command(
    room: RoomPlace,
    resamples: Resamples = RESAMPLES,
    seed: Seed = AGREEMENT_SEED,
    as_json: AsJson = False,
) -> None:
    """Say how well first-round readers agree with each other and with the benchmark, with intervals.

    Example: neuroonco review agreement room.sqlite
    """
    from neuroonco.review.agreement import agreement_of
    from neuroonco.review.agreement_text import report_notes, tables

    with Room(room) as opened:
        report = agreement_of(opened, resamples=resamples, seed=seed)
    if as_json:
        result_json(report.model_dump(mode="json"))
        return
    for line in report_notes(report):
        result(line)
    for one in tables(report):
        if one.lines:
            table(one.title, one.columns, [line.cells for line in one.lines], to_stdout=True)
            for note in dict.fromkeys(f"{line.cells[0]}: {note}" for line in one.lines for note in line.notes):
                result(note)
