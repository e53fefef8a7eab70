"""Commands that exchange a room's questions and judgements with Label Studio: review label-studio."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from neuroonco import store
from neuroonco.cli.options import AsJson
from neuroonco.cli.output import existing_root, result_json, say
from neuroonco.cli.review_options import RoomPlace, name_rows
from neuroonco.errors import UsageError
from neuroonco.outcomes import Quarantined
from neuroonco.review.export_folder import exported_to
from neuroonco.review.label_studio import PICTURE_URL, labeling_config, tasks_of
from neuroonco.review.label_studio_pictures import write_pictures
from neuroonco.review.label_studio_return import Returned, bring_back
from neuroonco.review.room import Room
from neuroonco.review.room_files import content_of
from neuroonco.review.room_names import person_of
from neuroonco.review.room_records import Role

label_studios = typer.Typer(
    help=(
        "Exchange questions and judgements with Label Studio.\n\n"
        "Example: neuroonco review label-studio export room.sqlite --out tasks.json"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)

Users = Annotated[
    list[str] | None,
    typer.Option("--user", metavar="USER=NAME", help="Address or number in Label Studio, and whose it is; repeatable."),
]


@label_studios.command("export")
def label_studio_export_command(
    room: RoomPlace,
    out: Annotated[Path, typer.Option("--out", help="File of tasks to write, .json.")],
    config: Annotated[Path | None, typer.Option("--config", help="Also write the labeling configuration here.")] = None,
    pictures: Annotated[Path | None, typer.Option("--pictures", help="New folder to write the pictures to.")] = None,
    root: Annotated[Path | None, typer.Option("--root", help="Folder of the images, with --pictures.")] = None,
    picture_url: Annotated[
        str, typer.Option("--picture-url", help="What stands before a picture's name in the tasks.")
    ] = PICTURE_URL,
    blind: Annotated[bool, typer.Option("--blind", help="Leave first judgements out of the tasks.")] = False,
    user: Users = None,
    as_json: AsJson = False,
) -> None:
    """Write a room's questions as Label Studio tasks, with the judgements of the first round as annotations.

    Pictures are named by the question's key alone, 8 bits as first shown. Label Studio takes annotations only of users
    that it has: without --user a reader's address is NAME@room.invalid, with + for a space.

    Example: neuroonco review label-studio export room.sqlite --out tasks.json --config config.xml --blind
    """
    if out.suffix != ".json":
        raise UsageError("FORMAT_UNKNOWN", f"suffix {out.suffix!r}", where=str(out), fix="use .json")
    if (pictures is None) != (root is None):
        raise UsageError("ROOT_NEEDED", "pictures are read below a root", fix="pass --pictures and --root, or neither")
    users = _users(user)
    with Room(room) as opened:
        content = content_of(opened)
    _require_readers(users, {one.name for one in content.people if one.role is Role.READER})
    unreadable: list[Quarantined] = []
    if pictures is not None and root is not None:
        with exported_to(pictures) as folder:
            written = write_pictures(folder, content.items, existing_root(root))
        unreadable = written.quarantined
        content = replace(content, items=[one for one in content.items if one.key in written.keys])
    tasks = tasks_of(content, users=users, blind=blind, picture_url=picture_url)
    store.write_json(out, tasks)
    if config is not None:
        store.write_text(config, labeling_config())
    name_rows(unreadable)
    annotations = sum(len(task["annotations"]) for task in tasks)
    counts = {"tasks": len(tasks), "annotations": annotations, "without_picture": len(unreadable)}
    _report(counts, as_json=as_json)
    if annotations:
        say("annotators see each other's annotations in Label Studio: use --blind for a first reading")
    if unreadable:
        raise typer.Exit(1)


@label_studios.command("import")
def label_studio_import_command(
    room: RoomPlace,
    annotations: Annotated[Path, typer.Argument(help="Label Studio's export, JSON (not JSON-MIN).")],
    user: Users = None,
    as_json: AsJson = False,
) -> None:
    """Save Label Studio's annotations as judgements of the first round; the same file again adds nothing.

    Where a reader has judged in the room since the tasks left, the annotation is kept as a conflict, not in force.

    Example: neuroonco review label-studio import room.sqlite annotations.json --user ann@example.org=Ann
    """
    users = _users(user)
    document = store.read_json(annotations)
    with Room(room) as opened:
        _require_readers(users, {one.name for one in opened.people() if one.role is Role.READER})
        returned = bring_back(opened, document, users=users)
    _say_returned(returned, as_json=as_json)
    if returned.quarantined:
        raise typer.Exit(1)


def _say_returned(returned: Returned, *, as_json: bool) -> None:
    counts = {
        name: returned.counts[name] for name in ("saved", "unchanged", "repeated", "conflict", "closed", "skipped")
    }
    name_rows([row for row in returned.quarantined if row.code != "USER_UNKNOWN"])
    if returned.unknown_users:
        listed = ", ".join(f"{name} ({n} annotations)" for name, n in sorted(returned.unknown_users.items()))
        say(f"unknown users, whose annotations are left out: {listed}; say who they are with --user USER=NAME")
    unknown = {"unknown_users": dict(sorted(returned.unknown_users.items()))} if as_json else {}
    _report(counts | {"quarantined": len(returned.quarantined)} | unknown, as_json=as_json)


def _report(counts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        result_json(counts)
    else:
        say(", ".join(f"{n} {name}" for name, n in counts.items()))


def _users(given: list[str] | None) -> dict[str, str]:
    """Label Studio's users and who they are.

    Raises:
        UsageError: not USER=NAME, or one user or reader twice.
    """
    users: dict[str, str] = {}
    for text in given or ():
        user, equals, name = text.partition("=")
        user = user.strip().casefold()
        if not equals or not user or not name.strip():
            raise UsageError("USER_INVALID", f"--user {text[:60]!r}", fix="write USER=NAME")
        name = person_of(name.strip(), Role.READER).name
        if users.setdefault(user, name) != name:
            raise UsageError("USER_TWICE", "one user is two readers", where=user[:60], fix="name each user once")
    return users


def _require_readers(users: dict[str, str], readers: set[str]) -> None:
    for name in users.values():
        if name not in readers:
            raise UsageError("READER_UNKNOWN", "no reader of the room", where=name, fix="`review status` lists them")
