"""Look at a run in a browser, or write it as a folder of pages to share: browse."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuroonco.cli.options import AsJson
from neuroonco.cli.output import existing_root, result, result_json, say
from neuroonco.cli.runs import phantom_root, profile_of
from neuroonco.errors import UsageError

if TYPE_CHECKING:
    from neuroonco.walk.browsing import RunArchive

DEFAULT_PORT = 8766
DEFAULT_LIMIT = 500


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("browse")(browse_command)


def browse_command(
    run: Annotated[Path, typer.Argument(help="Folder of a run, finished or not.")],
    root: Annotated[
        Path | None, typer.Option("--root", help="Folder of the collections; without it no pictures are shown.")
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0: any free one.")] = (
        DEFAULT_PORT
    ),
    host: Annotated[
        str, typer.Option("--host", help="Address of this machine to listen on; only it can look at a run.")
    ] = "127.0.0.1",
    open_browser: Annotated[bool, typer.Option("--open", help="Open the list in the browser.")] = False,
    static: Annotated[
        Path | None, typer.Option("--static", metavar="DIR", help="Write a folder of pages instead of serving.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=20_000, help="Slices in the folder at most: the first by id.")
    ] = DEFAULT_LIMIT,
    own_use: Annotated[
        bool,
        typer.Option("--own-use", help="In the folder, also what the sources' terms forbid to share; it is marked."),
    ] = False,
    with_paths: Annotated[
        bool, typer.Option("--with-paths", help="In the folder, also paths and names of the collections' files.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look at the slices of a run: filters, picture, labels, questions, copies, and what each stage made of them.

    The server only reads, and answers this machine only. To share what you see, write a folder with --static: pictures
    of sources whose terms forbid that to be passed on are left out of it.

    Example: neuroonco browse runs/demo --open

    Example: neuroonco browse runs/real-samples --static pages/ --root downloads/
    """
    from neuroonco.walk.browsing import RunArchive  # here: `--help` needs none of it
    from neuroonco.walk.browsing_index import FACET_NAMES

    profile = profile_of(run)
    if profile.phantoms is not None:
        place = phantom_root(run)
        root = place if place.is_dir() else None
    elif root is not None:
        root = existing_root(root)
    if static is None and (own_use or with_paths):
        fix = "the served pages show everything; add --static DIR to write a folder"
        raise UsageError("OPTION_UNUSED", "--own-use and --with-paths are about the folder of --static", fix=fix)
    archive = RunArchive(run, root, profile.name)
    if static is not None:
        from neuroonco.browse.folder import Wanted, write_folder

        counts = write_folder(archive, static, Wanted(limit=limit, own_use=own_use, with_paths=with_paths))
        if as_json:
            result_json({"out": str(static), **counts.model_dump()})
            return
        say(counts.line)
        result(f"pages: {static / 'index.html'}")
        return
    _serve(archive, FACET_NAMES, host, port, open_browser=open_browser, as_json=as_json)


def _serve(
    archive: "RunArchive", names: tuple[str, ...], host: str, port: int, *, open_browser: bool, as_json: bool
) -> None:
    import webbrowser

    from neuroonco.browse.app import create_app
    from neuroonco.viewer.serving import allowed_hosts, bind, is_loopback, require_review, serve

    if not is_loopback(host):
        what = "other machines could reach this address, and a run may hold what must not leave this one"
        fix = "serve on 127.0.0.1; to share, write a folder with --static DIR"
        raise UsageError("HOST_NOT_LOCAL", what, where=host, fix=fix)
    require_review()
    taken = bind(host, port)

    def ready(url: str) -> None:
        if as_json:
            result_json({"url": url})
        else:
            result(f"browse: {url}")
        if open_browser:
            webbrowser.open(url)

    serve(create_app(archive, names, allowed_hosts(host, taken.getsockname()[1])), taken, ready=ready)
