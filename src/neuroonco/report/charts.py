"""Small SVG charts without text: names and numbers stand beside them in HTML, readable at any width.

A chart is as wide as its place (``preserveAspectRatio="none"``), 1000 units for 0 to 100 %. Colors are classes of
the page's style sheet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from neuroonco.errors import printable
from neuroonco.intervals import Estimate

WIDTH = 1000
HEIGHT = 16
BAR_STEP = 12
"""Height of one bar among several, with the gap to the next."""


@dataclass(frozen=True)
class GroupedBar:
    """One bar among several.

    Attributes:
        style: class of the bar.
        share: length and interval; a value of None draws nothing.
        chance: share at its thin line; None draws none.
        limit: share at its broken line; None draws none.
    """

    style: str
    share: Estimate
    chance: float | None = None
    limit: float | None = None


def bar(share: float | None) -> Markup:
    """One bar from 0 to ``share``; nothing but the track where there is no figure.

    >>> "width='250'" in bar(0.25)
    True
    """
    return _svg("" if share is None else _rect("value", 0, share * WIDTH))


def interval(estimate: Estimate, chance: float | None = None) -> Markup:
    """Value as a mark, its interval as a line; the expected accuracy of a blind draw as a thin mark.

    >>> interval(Estimate(value=None, low=None, high=None, n=0)).count("rect")
    1
    """
    parts = ""
    if estimate.value is not None and estimate.low is not None and estimate.high is not None:
        span = (estimate.high - estimate.low) * WIDTH
        parts += _rect("span", estimate.low * WIDTH, span, y=6, height=4)
        parts += _rect("value", min(max(estimate.value * WIDTH - 4, 0), WIDTH - 8), 8, y=1, height=14)
    if chance is not None:  # last, so that it is seen where it is also the value
        parts += _rect("chance", chance * WIDTH - 1.5, 3)
    return _svg(parts)


def stacked(parts: Sequence[tuple[str, int]], total: int, *, title: str | None = None, text: str = "") -> Markup:
    """Counts side by side as shares of ``total``.

    Args:
        parts: (style class, count), left to right.
        total: what the whole width stands for; 0 draws the track alone.
        title: what the chart shows, where it shows more than the numbers beside it; read aloud.
        text: its numbers in words.

    >>> stacked([("kept", 3), ("dropped", 1)], 8).count("<rect class='kept'")
    1
    """
    drawn, at = "", 0.0
    for name, count in parts:
        if total and count:
            # A count that is not zero stays visible, however small its share.
            width = max(count / total * WIDTH, 3)
            drawn += _rect(name, min(at, WIDTH - width), width)
            at += width
    return _svg(drawn, title=title, text=text)


def grouped(bars: Sequence[GroupedBar], *, title: str, text: str) -> Markup:
    """Bars under one another with their intervals, each with the two lines that it is compared with.

    Args:
        bars: top to bottom; lines at one share join to one line.
        title: what the chart shows; read aloud, and shown where the pointer rests.
        text: its numbers in words, for who cannot see it.

    >>> guessed = [GroupedBar("value", Estimate(value=0.2, low=0.1, high=0.3, n=9), chance=0.2)]
    >>> "<title>a&lt;b</title>" in grouped(guessed, title="a<b", text="")
    True
    """
    parts = ""
    for number, one in enumerate(bars):
        if one.share.value is None:
            continue
        top, low, high = number * BAR_STEP, one.share.low, one.share.high
        parts += _rect(one.style, 0, max(one.share.value * WIDTH, 2), y=top + 2, height=BAR_STEP - 4)
        if low is not None and high is not None:
            parts += _rect("whisker", low * WIDTH, max((high - low) * WIDTH, 2), y=top + BAR_STEP // 2 - 1, height=2)
        if one.chance is not None:
            parts += _rect("chance", one.chance * WIDTH - 1.5, 3, y=top, height=BAR_STEP)
        if one.limit is not None:
            parts += "".join(_rect("limit", one.limit * WIDTH - 1.5, 3, y=top + at, height=4) for at in (1, 7))
    return _svg(parts, height=BAR_STEP * len(bars), title=title, text=text)


def _svg(parts: str, *, height: int = HEIGHT, title: str | None = None, text: str = "") -> Markup:
    track = _rect("track", 0, WIDTH, height=height)
    spoken = "aria-hidden='true'" if title is None else "role='img'"
    head = f"<svg viewBox='0 0 {WIDTH} {height}' preserveAspectRatio='none' {spoken} focusable='false'>"
    said = "" if title is None else f"<title>{_escaped(title)}</title><desc>{_escaped(text)}</desc>"
    # Numbers and class names of this module, and text that is escaped.
    return Markup(f"{head}{said}{track}{parts}</svg>")  # noqa: S704


def _escaped(text: str) -> str:
    return str(escape(printable(text)))


def _rect(name: str, x: float, width: float, *, y: int = 0, height: int = HEIGHT) -> str:
    return f"<rect class='{name}' x='{x:.5g}' y='{y}' width='{width:.5g}' height='{height}'/>"
