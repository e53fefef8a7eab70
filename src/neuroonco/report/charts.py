"""Small SVG charts without text: names and numbers stand beside them in HTML, readable at any width.

A chart is as wide as its place (``preserveAspectRatio="none"``), 1000 units for 0 to 100 %. Colors are classes of
the page's style sheet.
"""

from collections.abc import Sequence

from markupsafe import Markup

from neuroonco.intervals import Estimate

WIDTH = 1000
HEIGHT = 16


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
    parts = "" if chance is None else _rect("chance", chance * WIDTH - 1.5, 3)
    if estimate.value is not None and estimate.low is not None and estimate.high is not None:
        span = (estimate.high - estimate.low) * WIDTH
        parts += _rect("span", estimate.low * WIDTH, span, y=6, height=4)
        parts += _rect("value", min(max(estimate.value * WIDTH - 4, 0), WIDTH - 8), 8, y=1, height=14)
    return _svg(parts)


def stacked(parts: Sequence[tuple[str, int]], total: int) -> Markup:
    """Counts side by side as shares of ``total``.

    Args:
        parts: (style class, count), left to right.
        total: what the whole width stands for; 0 draws the track alone.

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
    return _svg(drawn)


def _svg(parts: str) -> Markup:
    track = _rect("track", 0, WIDTH)
    head = f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' preserveAspectRatio='none' aria-hidden='true' focusable='false'>"
    # Numbers and class names of this module only: nothing from data enters the markup.
    return Markup(f"{head}{track}{parts}</svg>")  # noqa: S704


def _rect(name: str, x: float, width: float, *, y: int = 0, height: int = HEIGHT) -> str:
    return f"<rect class='{name}' x='{x:.5g}' y='{y}' width='{width:.5g}' height='{height}'/>"
