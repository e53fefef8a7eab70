"""Commands that set up a review room, serve it and invite people: review import, serve, invite."""

from collections.abc import Sequence, Set
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from neuroonco import __version__, store
from neuroonco.build.interop import read_closed
from neuroonco.cli.options import AsJson, Root, Seed
from neuroonco.cli.output import existing_root, result, result_json, say
from neuroonco.cli.review_options import (
    RoomPlace,
    as_usage,
    name_rows,
    named_people,
    question_number,
    room_title,
    sign_in_page,
)
from neuroonco.errors import InputError, UsageError
from neuroonco.review.assigning import assign
from neuroonco.review.intake import Intake, take_in
from neuroonco.review.people import People
from neuroonco.review.picture_files import missing_pictures
from neuroonco.review.room import Room
from neuroonco.review.room_files import is_room_folder, read_room
from neuroonco.review.room_names import person_of
from neuroonco.review.room_records import Assignment, ItemStatus, Person, Role, RoomSettings
from neuroonco.review.topping_up import closed_keys, for_one, top_up
from neuroonco.walk.reviewing import SliceContext, context_of_labels, context_of_run

TITLE = "Review of closed questions"
READERS_PER_ITEM = 2


def review_import_command(
    benchmark: Annotated[
        Path,
        typer.Argument(help="Closed benchmark: .json (reference), .jsonl or .parquet; or a folder of review export."),
    ],
    room: Annotated[str, typer.Option("--room", metavar="PATH|URL", help="Room to set up: a new file, or a URL.")],
    run: Annotated[Path | None, typer.Option("--run", help="Run with outlines and model notes of its slices.")] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help="Audited labels or slice records with the lesions' outlines.")
    ] = None,
    reader: Annotated[list[str] | None, typer.Option("--reader", help="A reader's name; once for each.")] = None,
    adjudicator: Annotated[
        list[str] | None, typer.Option("--adjudicator", help="An adjudicator's name; once for each.")
    ] = None,
    per_item: Annotated[
        int | None, typer.Option("--per-item", min=1, help="Readers of each question; default 2, or all if fewer.")
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=2, help="2: readers who differ look again first.")] = 2,
    show_proposed: Annotated[
        bool, typer.Option("--show-proposed", help="Show the benchmark's own answer in round one.")
    ] = False,
    title: Annotated[str, typer.Option("--title", help="Name of the room, on every page.")] = TITLE,
    seed: Seed = 2602,
    as_json: AsJson = False,
) -> None:
    """Set up a review room: the questions of a benchmark, who reads them, and who decides where readers differ.

    A folder of `review export` restores that room with all that was done in it. The same benchmark again changes
    nothing but readers: new ones get what still has too few.

    Example: neuroonco review import benchmark/closed.parquet --room room.sqlite --reader Ann --reader Bob

    Example: neuroonco review import reviewed/ --room restored.sqlite
    """
    if benchmark.is_dir():
        _require_room_folder(benchmark)
        if run or labels or reader or adjudicator or per_item or show_proposed or (rounds, title) != (2, TITLE):
            fix = "leave the options out; `review invite` adds people"
            raise UsageError("ROOM_HAS_THEM", "an exported room has readers and settings", fix=fix)
        _restore(benchmark, room, as_json=as_json)
        return
    if run is not None and labels is not None:
        raise UsageError("RUN_OR_LABELS", "a run has its own labels", fix="pass --run or --labels")
    people = named_people(reader or (), adjudicator or ())
    loaded = read_closed(benchmark)
    name_rows(loaded.unreadable, "unreadable")
    context = SliceContext()
    slice_ids = {item.slice_id for item in loaded.records}
    if run is not None:
        context = context_of_run(run, slice_ids)
    elif labels is not None:
        context = context_of_labels(labels, slice_ids)
    name_rows(context.unreadable, "unreadable")
    intake = take_in(loaded.records, context.masks, context.notes)
    name_rows(intake.quarantined)
    name_rows(intake.without_mask)
    if not intake.items:
        fix = "pass a closed benchmark"
        raise InputError("BENCHMARK_EMPTY", "no question in this file can be reviewed", where=str(benchmark), fix=fix)
    settings = RoomSettings(
        title=room_title(title),
        rounds=rounds,
        proposed_shown=show_proposed,
        benchmark_sha256=store.sha256_file(benchmark),
        version=f"neuroonco {__version__}",
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with Room(room, create=True) as opened:
        agreed = _agreed(opened)
        with as_usage("NAME_INVALID", "READERS_TOO_FEW"):
            is_new, made = _set_up(opened, settings, intake, people, per_item, seed)
        held, assigned = opened.settings(), len(made)
        counts = intake.counts() | {"people": len(opened.people()), "assigned": assigned}
    counts["unreadable"] = len(loaded.unreadable) + len(context.unreadable)
    _report(counts, is_new=is_new, as_json=as_json)
    if not is_new:
        say("the room was there already: its settings, questions and judgements are as they were")
        _say_reopened(made, agreed)
    if ignored := _ignored(held, settings):
        say(f"the room keeps its settings; not heeded: {', '.join(ignored)}")
    if counts["unreadable"] or counts["quarantined"] or intake.without_mask:
        raise typer.Exit(1)


def _set_up(
    room: Room,
    settings: RoomSettings,
    intake: Intake,
    people: Sequence[Person],
    per_item: int | None,
    seed: int,
) -> tuple[bool, list[Assignment]]:
    """Fill the room, or add to it; says whether it is new, and which assignments came about."""
    keys = [one.key for one in intake.items]
    readers = [one.name for one in people if one.role is Role.READER]
    wanted = per_item or min(READERS_PER_ITEM, len(readers)) or 1
    there = room.assignments()
    if there or room.people():
        everyone = sorted({*readers, *(one.name for one in room.people() if one.role is Role.READER)})
        held = {one.reader for one in there}
        wanted = per_item or min(READERS_PER_ITEM, len(everyone)) or 1
        newcomers = [name for name in readers if name not in held]
        closed = closed_keys(room.events())
        made = top_up(keys, newcomers, there, per_item=wanted, closed=closed, seed=seed)
    else:
        made = assign(keys, readers, wanted, seed) if readers else []
    is_new = room.set_up(settings, intake.items, people, made)
    return is_new, made


def _ignored(held: RoomSettings, given: RoomSettings) -> list[str]:
    """Settings of the command that a room, which was there before, does not have."""
    found = []
    if held.rounds != given.rounds:
        found.append(f"--rounds {given.rounds} (it has {held.rounds})")
    if held.proposed_shown != given.proposed_shown:
        shown = "shown" if held.proposed_shown else "hidden"
        wanted = "--show-proposed" if given.proposed_shown else "no --show-proposed"
        found.append(f"{wanted} (the benchmark's answers are {shown})")
    if held.title != given.title:
        found.append(f"--title {given.title!r} (it is {held.title!r})")
    return found


def _agreed(room: Room) -> set[str]:
    """Questions that are settled, and that another first-round reader would open again."""
    return set(room.keys_in(ItemStatus.AGREED))


def _say_reopened(made: Sequence[Assignment], agreed: Set[str]) -> None:
    if reopened := len({one.key for one in made} & agreed):
        say(f"{reopened} of them {'was' if reopened == 1 else 'were'} agreed and {'is' if reopened == 1 else 'are'} "
            "open again until the new readers have judged")  # fmt: skip


def _require_room_folder(folder: Path) -> None:
    if not is_room_folder(folder):
        fix = "pass the benchmark's file, such as closed.parquet, or the folder that `review export --out` made"
        raise InputError("NOT_A_ROOM_FOLDER", "no exported room in this folder", where=str(folder), fix=fix)


def _restore(folder: Path, place: str, *, as_json: bool) -> None:
    content = read_room(folder)
    with Room(place, create=True) as room:
        is_new = room.set_up(content.settings, content.items, content.people, content.assignments, content.events)
    counts = {
        "questions": len(content.items),
        "people": len(content.people),
        "assigned": len(content.assignments),
        "events": len(content.events),
    }
    _report(counts, is_new=is_new, as_json=as_json)
    if not is_new:
        say("the room was there already, with the same questions and these events")
    else:
        say("invitations are not part of an export: invite everybody anew")


def _report(counts: dict[str, Any], *, is_new: bool, as_json: bool) -> None:
    if as_json:
        result_json({"new": is_new} | counts)
    else:
        say(", ".join(f"{n} {name}" for name, n in counts.items()))


def review_serve_command(
    room: RoomPlace,
    root: Root,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes any that is free.")] = 8765,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="Name under which browsers reach it; once for each.")
    ] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in this machine's browser.")] = False,
) -> None:
    """Serve a review room to browsers, until Ctrl-C.

    Only this machine can reach it by default. Another --host needs invitations, and as soon as anybody has one,
    everybody signs in with a token. There is no encryption: put a server with TLS in front for other machines.

    Example: neuroonco review serve room.sqlite --root downloads/ --open
    """
    from neuroonco.viewer.serving import allowed_hosts, bind, named_urls, require_review, require_safe_address, serve

    require_review()
    from neuroonco.review.web.app import create_app

    existing_root(root)
    with Room(room) as opened:
        has_tokens = People(opened).any_token()
        require_safe_address(host, has_tokens)
        with bind(host, port) as sock:
            hosts = allowed_hosts(host, sock.getsockname()[1], name or ())
            app = create_app(opened, root, tokens_needed=has_tokens, hosts=hosts)
            _look_for_pictures(opened, root)
            urls = named_urls(name or (), sock)
            serve(app, sock, ready=_ready(open_browser, has_tokens=has_tokens, more=urls))
    say("stopped; everything that was saved is in the room")


def _look_for_pictures(room: Room, root: Path) -> None:
    """See that the root is the right one before anybody judges a question without its picture.

    Raises:
        InputError: ``PICTURES_MISSING``: not one file of the room's questions is there.
    """
    missing, total = missing_pictures((one.item.image_path for one in room.items()), root)
    if not missing:
        return
    if missing == total:
        what = f"none of the {total} files of the room's questions is there"
        fix = "pass the folder to which the benchmark's image paths are relative"
        raise InputError("PICTURES_MISSING", what, where=str(root), fix=fix)
    say(f"{missing} of the {total} files of the room's questions are missing: those questions have no picture")


def _ready(open_browser: bool, *, has_tokens: bool, more: Sequence[str] = ()) -> Any:
    def ready(url: str) -> None:
        for one in (url, *more):
            result(one)
        if not has_tokens:
            say("nobody has a token: every user of this machine may sign in under any name, until somebody is invited")
        say("Ctrl-C stops")
        if open_browser:
            import webbrowser

            webbrowser.open(url)

    return ready


def review_invite_command(
    room: RoomPlace,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who is invited; enrolled if new.")],
    role: Annotated[Role | None, typer.Option("--role", help="What a new person does; default reader.")] = None,
    assign_number: Annotated[
        str | None,
        typer.Option(
            "--assign",
            metavar="N|all",
            help="Give a reader so many further questions, no agreed ones; all: these too, which opens them again.",
        ),
    ] = None,
    address: Annotated[
        str | None, typer.Option("--address", metavar="URL", help="Where the room is served; prints the whole link.")
    ] = None,
    revoke: Annotated[bool, typer.Option("--revoke", help="End the invitation and all sessions instead.")] = False,
    seed: Seed = 2602,
) -> None:
    """Invite a person: prints a token, once; a new one replaces the old. Nothing else holds it, so pass it on safely.

    Example: neuroonco review invite room.sqlite Ann --assign all --address http://localhost:8765
    """
    number = question_number(assign_number)
    link = None if address is None else sign_in_page(address)
    with Room(room) as opened:
        people = People(opened)
        if revoke:
            if role or assign_number or address:
                raise UsageError("REVOKE_ALONE", "--revoke takes no other option", fix="revoke, then invite")
            with as_usage("PERSON_UNKNOWN"):
                people.revoke(name)
            say(f"{name} has no invitation any more")
            if not people.any_token():
                say("nobody has one now: a server that starts lets every user of its machine choose a name")
            return
        with as_usage("NAME_INVALID"):
            given = person_of(name, role or Role.READER)
        known = next((one for one in opened.people() if one.name == given.name), None)
        wanted = role or (known.role if known else Role.READER)
        if assign_number is not None and wanted is not Role.READER:
            raise UsageError("ADJUDICATOR_READS", "an adjudicator does not read blind", fix="leave --assign out")
        opened.settings()  # a room that was never set up has nobody to invite
        with as_usage("NAME_INVALID"):
            person = people.enroll(given.name, wanted)
        if assign_number is not None:
            _assign_to(opened, person, number, seed)
        token = people.invite(person.name)
    result(token if link is None else f"{link}#{token}")
    ended = "; an earlier invitation has ended" if known is not None and known.has_token else ""
    say(f"{person.name}, {person.role.value}: this is shown once{ended}")


def _assign_to(room: Room, person: Person, number: int | None, seed: int) -> None:
    items, agreed = list(room.items()), _agreed(room)
    made = for_one(
        [one.key for one in items],
        person.name,
        room.assignments(),
        number=number,
        closed=closed_keys(room.events()),
        settled=agreed,
        seed=seed,
    )
    room.set_up(room.settings(), items, [], made)
    say(f"{len(made)} question{'s' * (len(made) != 1)} assigned to {person.name}")
    _say_reopened(made, agreed)
    if number is not None and len(made) < number:
        say("there are no more that can still be read blind and are not settled; --assign all takes agreed ones too")
