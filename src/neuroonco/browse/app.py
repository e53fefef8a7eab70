"""The server of browsing: reads only, answers this machine only, and knows slices by their ids."""

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from neuroonco.browse.archive import Archive
from neuroonco.browse.choice import Choice
from neuroonco.browse.index import SliceIndex
from neuroonco.browse.pages import PACKAGE, Frame, Ways, error_page, list_page, slice_page
from neuroonco.errors import NeuroOncoError
from neuroonco.viewer.pages import mount_static
from neuroonco.viewer.safety import App, Message, Receive, Safety, Scope, Send
from neuroonco.viewer.serving import require_review
from neuroonco.viewer.values import wire_bytes

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

READING = ("GET", "HEAD")
MAX_BODY_BYTES = 0
"""Nothing is sent to this server."""
MAX_QUERY_BYTES = 8192
_KEEP = {"cache-control": "private, max-age=300"}
FACTS_HEADER = "X-Slice-Facts"


def create_app(archive: Archive, names: Sequence[str], hosts: frozenset[str]) -> App:
    """The app, with what keeps it safe around it.

    Args:
        archive: what to look at.
        names: of all filters, in the order in which they are shown.
        hosts: what ``Host`` may say, see :func:`neuroonco.viewer.serving.allowed_hosts`.

    Raises:
        PrerequisiteError: the extra ``review`` is not installed.
    """
    require_review()
    from starlette.applications import Starlette
    from starlette.routing import Route

    pages = _Pages(archive, names)
    app = Starlette(
        routes=[
            Route("/", pages.slices),
            Route("/slices/{slice_id}", pages.slice),
            Route("/slices/{slice_id}/values", pages.values),
            Route("/slices/{slice_id}/mask", pages.mask),
            Route("/thumbnails/{slice_id}", pages.thumbnail),
            Route("/healthz", pages.health),
        ],
        exception_handlers={404: pages.missing},
    )
    mount_static(app, PACKAGE, "neuroonco.viewer")
    return Safety(ReadOnly(app), hosts, MAX_BODY_BYTES)


class ReadOnly:
    """ASGI middleware: every method that is not GET or HEAD is answered with 405, wherever it goes."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] in READING:
            if len(scope.get("query_string", b"")) > MAX_QUERY_BYTES:
                await _plain(send, 414, b"The address is too long.\n")
            else:
                await self.app(scope, receive, send)
            return
        await _plain(send, 405, b"This server only shows.\n", (b"allow", b"GET, HEAD"))


async def _plain(send: Send, status: int, said: bytes, *headers: tuple[bytes, bytes]) -> None:
    known = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(said)).encode()), *headers]
    start: Message = {"type": "http.response.start", "status": status, "headers": known}
    await send(start)
    await send({"type": "http.response.body", "body": said})


class _Pages:
    """Answers to requests; these are plain functions, so that the server runs them in threads."""

    def __init__(self, archive: Archive, names: Sequence[str]) -> None:
        self._archive, self._names = archive, tuple(names)
        self._frame = Frame(title=archive.title)

    def slices(self, request: "Request") -> "Response":
        """The list."""
        return self._html(list_page(self._frame, self._archive.index(), self._choice(request), self._names))

    def slice(self, request: "Request") -> "Response":
        """One slice."""
        index = self._archive.index()
        slice_id, position = self._known(request, index)
        choice = self._choice(request)
        query = choice.query()
        page = self._archive.page(slice_id)
        here = f"/slices/{slice_id}"
        before, after, place = neighbors_in(index, choice, position)
        ways = Ways(
            thumbnail=lambda name: f"/thumbnails/{name}" if index.position(name) is not None else None,
            page=lambda name: _with(f"/slices/{name}", query) if index.position(name) is not None else None,
            listed=_with("/", query),
            previous=None if before is None else _with(f"/slices/{before}", query),
            next=None if after is None else _with(f"/slices/{after}", query),
            place=place,
            values=f"{here}/values" if page.missing is None else None,
            mask=f"{here}/mask" if page.missing is None and page.has_mask else None,
        )
        return self._html(slice_page(self._frame, page, ways))

    def values(self, request: "Request") -> "Response":
        """Pixel values of a slice."""
        from starlette.responses import Response

        slice_id, _ = self._known(request, self._archive.index())
        try:
            stored, facts = self._archive.values(slice_id)
        except NeuroOncoError as error:
            return self._no_picture(error)
        headers = {FACTS_HEADER: facts.model_dump_json()}
        return Response(wire_bytes(stored), media_type="application/octet-stream", headers=headers)

    def mask(self, request: "Request") -> "Response":
        """Mask of a slice."""
        from starlette.responses import Response

        slice_id, _ = self._known(request, self._archive.index())
        try:
            lesion = self._archive.mask(slice_id)
        except NeuroOncoError as error:
            return self._no_picture(error)
        if lesion is None:
            return self._error(404, "There is no mask that could be drawn.")
        return Response(lesion.astype("uint8").tobytes(), media_type="application/octet-stream")

    def thumbnail(self, request: "Request") -> "Response":
        """A small picture of a slice, or a drawn one that says why there is none."""
        from starlette.responses import Response

        slice_id, _ = self._known(request, self._archive.index())
        try:
            return Response(self._archive.thumbnail(slice_id), media_type="image/jpeg", headers=_KEEP)
        except NeuroOncoError:
            return Response(no_picture_png(), media_type="image/png")

    def health(self, _request: "Request") -> "Response":
        """Whether the server answers."""
        from starlette.responses import PlainTextResponse

        return PlainTextResponse("ok\n")

    def missing(self, _request: "Request", _error: Exception) -> "Response":
        """Nothing is there."""
        return self._error(404, "There is no such page.")

    def _choice(self, request: "Request") -> Choice:
        return Choice.of(request.query_params.multi_items(), self._names)

    def _known(self, request: "Request", index: SliceIndex) -> tuple[str, int]:
        """The slice that an address names; anything but an id that the run has is no page."""
        from starlette.exceptions import HTTPException

        slice_id = str(request.path_params["slice_id"])
        position = index.position(slice_id)
        if position is None:
            raise HTTPException(404)
        return slice_id, position

    def _no_picture(self, error: NeuroOncoError) -> "Response":
        # Only the code: what else an error says may be a path on this machine.
        return self._error(404, f"The picture cannot be shown: {error.code}.")

    def _error(self, status: int, what: str) -> "Response":
        return self._html(error_page(self._frame, status, what), status)

    def _html(self, text: str, status: int = 200) -> "Response":
        from starlette.responses import Response

        # JSON can spell half of a character, which no page can hold.
        return Response(text.encode("utf-8", "replace"), status, media_type="text/html; charset=utf-8")


def neighbors_in(index: SliceIndex, choice: Choice, position: int) -> tuple[str | None, str | None, str | None]:
    """Ids before and after a slice among those that are chosen, and its place, e.g. ``3 of 70``.

    A slice that is not among them itself has neighbors and no place.
    """
    chosen = index.chosen(choice.filters, choice.search).nonzero()[0]
    at = int(chosen.searchsorted(position))
    is_chosen = at < len(chosen) and int(chosen[at]) == position
    before = index.name(int(chosen[at - 1])) if at > 0 else None
    following = at + is_chosen
    after = index.name(int(chosen[following])) if following < len(chosen) else None
    return before, after, f"{at + 1} of {len(chosen)}" if is_chosen else None


def _with(address: str, query: str) -> str:
    return f"{address}?{query}" if query else address


def no_picture_png() -> bytes:
    """A dark tile with a cross, in place of a picture that cannot be read."""
    from PIL import Image, ImageDraw

    tile = Image.new("L", (160, 160), 24)
    draw = ImageDraw.Draw(tile)
    draw.line((40, 40, 120, 120), fill=90, width=3)
    draw.line((40, 120, 120, 40), fill=90, width=3)
    buffer = BytesIO()
    tile.save(buffer, "PNG")
    return buffer.getvalue()
