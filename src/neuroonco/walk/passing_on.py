"""What is said before pictures go to another machine: how many are from sources whose terms do not permit that.

It is a warning and no refusal: who runs the command may have an agreement of their own.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.models.endpoints import ResolvedModel, is_loopback
from neuroonco.predict.records import PictureMode
from neuroonco.sources import load_sources
from neuroonco.vocabulary import Redistribution
from neuroonco.walk.models import NamedModel

SHOWN_SOURCES = 8
_SHOWN_PICTURES = frozenset({PictureMode.TRUE, PictureMode.SHUFFLED})
"""What of a picture leaves in the other modes is its size at most."""


def line_before_asking(items: Iterable[ClosedItem | OpenItem], model: NamedModel, *, replay: bool) -> str | None:
    """The line for a model that is asked; None where no picture leaves this machine, or all of them may.

    Args:
        items: the questions.
        model: whom to ask.
        replay: nobody is asked.
    """
    if replay or model.picture not in _SHOWN_PICTURES or not isinstance(model.asked, ResolvedModel):
        return None
    host = urlsplit(model.asked.base_url or "").hostname or ""
    if not host or is_loopback(host):
        return None
    counted = _counted(items)
    return counted and f"pictures go to {host}: {counted}"


def line_of_export(items: Iterable[ClosedItem | OpenItem]) -> str | None:
    """The line for an export, of which nobody knows yet where its model runs; None where all pictures may leave."""
    counted = _counted(items)
    return counted and f"a model that another machine serves is sent the pictures: {counted}"


def _counted(items: Iterable[ClosedItem | OpenItem]) -> str | None:
    """How many questions are about pictures that may not be passed on, or of which nobody knows."""
    known, total, unknown = load_sources(), 0, 0
    forbidden: dict[str, int] = {}
    for item in items:
        total += 1
        if item.source_id is None or item.source_id not in known:
            unknown += 1
        elif known[item.source_id].redistribution is not Redistribution.IMAGES:
            forbidden[item.source_id] = forbidden.get(item.source_id, 0) + 1
    parts = []
    if forbidden:
        named = sorted(forbidden)
        more = f" and {len(named) - SHOWN_SOURCES} more" if len(named) > SHOWN_SOURCES else ""
        whose = f"sources whose terms permit no images to be passed on ({', '.join(named[:SHOWN_SOURCES])}{more})"
        parts.append(f"{sum(forbidden.values())} of {total} questions are from {whose}")
    if unknown:
        parts.append(f"of {unknown} of {total} the source is unknown")
    return ", and ".join(parts) or None
