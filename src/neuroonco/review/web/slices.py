"""Pixel values and outlines of questions, for those who may see them."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse, Response

from neuroonco.errors import NeuroOncoError
from neuroonco.masks import read_lesion_mask
from neuroonco.review.room_records import EventKind, RoomItem, Round
from neuroonco.review.web.context import Here, Services, Signed, Visitor
from neuroonco.review.web.forms import is_key
from neuroonco.viewer.records import SliceFacts
from neuroonco.viewer.values import read_values, wire_bytes

MAX_CACHED_BYTES = 128 * 1024**2
KEPT_S = 3600
"""How long a browser may keep values; they never change."""
UNREADABLE = "the picture cannot be read"

log = logging.getLogger(__name__)
router = APIRouter()


@dataclass(frozen=True)
class Values:
    """A slice as it is sent."""

    body: bytes
    facts: SliceFacts


class Cache:
    """Slices that were asked for last, each decoded once; several threads may ask at the same time.

    Args:
        max_bytes: of all slices together; a larger one is served and not kept.

    >>> facts = SliceFacts(width_px=2, height_px=1, channels=1, bits=8, slope=1, intercept=0, center=128, width=256,
    ...     least=0, most=9)
    >>> cache = Cache(max_bytes=3)
    >>> cache.get("a", lambda: Values(b"12", facts)).body, cache.get("a", lambda: 1 / 0).body
    (b'12', b'12')
    """

    def __init__(self, max_bytes: int = MAX_CACHED_BYTES) -> None:
        self._max_bytes = max_bytes
        self._held: OrderedDict[str, Values] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._decoding = [threading.Lock() for _ in range(16)]

    def get(self, key: str, decode: Callable[[], Values]) -> Values:
        """The slice of a key; decoded where it is not held. What the decoder raises is raised, and not kept."""
        with self._decoding[hash(key) % len(self._decoding)]:
            with self._lock:
                found = self._held.get(key)
                if found is not None:
                    self._held.move_to_end(key)
                    return found
            made = decode()
            with self._lock:
                self._held[key] = made
                self._bytes += len(made.body)
                while self._bytes > self._max_bytes:
                    _, oldest = self._held.popitem(last=False)
                    self._bytes -= len(oldest.body)
            return made


@router.get("/slices/{key}/values")
def slice_values(request: Request, here: Here, visitor: Signed, key: str) -> Response:
    """Pixel values of a question's slice; what they mean is in the header ``X-Slice-Facts``."""
    held = _held(here, visitor, key)
    try:
        values = values_of(request, here, held)
    except NeuroOncoError as error:
        return _unreadable(key, error)
    return Response(
        values.body,
        media_type="application/octet-stream",
        headers={
            "X-Slice-Facts": values.facts.model_dump_json(),
            "Cache-Control": f"private, max-age={KEPT_S}",
            "Vary": "Cookie",
        },
    )


@router.get("/slices/{key}/mask")
def slice_mask(request: Request, here: Here, visitor: Signed, key: str) -> Response:
    """The outline of a question's lesion, one byte a pixel, once it is in the record that this person asked for it."""
    held = _held(here, visitor, key)
    if not here.room.has_seen(key, visitor.name, EventKind.MASK_SHOWN):
        raise HTTPException(403, "ask for the outline first")
    try:
        mask = None
        if held.mask is not None:
            facts = values_of(request, here, held).facts
            mask = read_lesion_mask(here.root, held.mask, (facts.height_px, facts.width_px))
    except NeuroOncoError as error:
        return _unreadable(key, error)
    if mask is None:
        return _plain("there is no outline of this picture", 404)
    body = mask.astype(np.uint8).tobytes()
    return Response(body, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def _held(here: Services, visitor: Visitor, key: str) -> RoomItem:
    """A question that this person reads or adjudicates.

    Raises:
        HTTPException: 404.
    """
    if not is_key(key):
        raise HTTPException(404)
    if not visitor.adjudicates and here.room.lane(key, visitor.name, Round.FIRST) is None:
        raise HTTPException(404)
    held = here.room.item(key)
    if held is None:
        raise HTTPException(404)
    return held


def values_of(request: Request, here: Services, held: RoomItem) -> Values:
    """The slice of a question, decoded now or before.

    Raises:
        NeuroOncoError: it cannot be read.
    """
    cache: Cache = request.app.state.slices

    def decode() -> Values:
        stored, facts = read_values(here.root, held.item)
        return Values(wire_bytes(stored), facts)

    return cache.get(held.key, decode)


def _unreadable(key: str, error: NeuroOncoError) -> Response:
    """Where the file lies is for the server's log only."""
    log.error("%s: %s", key, error)
    return _plain(f"{UNREADABLE} ({error.code})", 410)


def _plain(said: str, status: int) -> Response:
    return PlainTextResponse(said, status, headers={"Cache-Control": "no-store"})
