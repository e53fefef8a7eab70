"""Forest plot of compared models: one difference a line with its interval, as SVG or as characters."""

from collections.abc import Sequence
from math import ceil

from markupsafe import escape

from neuroonco.errors import printable
from neuroonco.score.closed.records import Comparison, Pair

LABEL, PLOT, FIGURES, ROW, TOP, BOTTOM = 330, 420, 330, 26, 46, 46
"""Widths of the columns and heights of the rows in pixels."""
MAX_LABEL = 44
"""Characters of a label that are drawn; the whole one is in the row's title."""
TICKS = 2
"""Marks of the scale on either side of zero."""


def forest_svg(comparison: Comparison) -> str:
    """A picture that stands alone: names, differences in percentage points, 95 % intervals, and the line of none.

    Names are data: escaped, and control characters in them spelled out.
    """
    pairs = comparison.pairs
    reach = reach_of(pairs)
    height = TOP + ROW * len(pairs) + BOTTOM
    width, bottom = LABEL + PLOT + FIGURES, TOP + ROW * len(pairs)
    ticks = [reach * n / TICKS for n in range(-TICKS, TICKS + 1)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'role="img" font-family="sans-serif" font-size="13">',
        f"<title>{_text(_caption(comparison))}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{LABEL + PLOT / 2}" y="20" text-anchor="middle">Difference in accuracy, percentage points</text>',
        f'<text x="{LABEL + PLOT + 16}" y="20">difference (95 % interval), p by Holm</text>',
        *(_tick(share, _across(share, reach), bottom) for share in ticks),
        *(_row(pair, TOP + ROW * (n + 0.5), reach) for n, pair in enumerate(pairs)),
        f'<text x="{LABEL}" y="{bottom + 38}" font-size="11" fill="#555">{_text(_caption(comparison))}</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def reach_of(pairs: Sequence[Pair]) -> float:
    """Half the width of the scale: the farthest end of an interval, rounded up to 5 points."""
    bounds = [b for p in pairs for b in (p.difference.value, p.difference.low, p.difference.high) if b is not None]
    farthest = max((abs(bound) for bound in bounds), default=0.0)
    return max(0.05, ceil(farthest * 20 - 1e-9) / 20)


def forest_line(pair: Pair, reach: float, width: int = 41) -> str:
    """The same as one line of characters: ``|`` is no difference, ``o`` the difference, ``-`` its interval.

    >>> from neuroonco.score.closed.records import Difference
    >>> found = Difference(value=0.05, low=-0.05, high=0.1, n=9, clusters=3)
    >>> pair = Pair(a="x", b="y", difference=found, both_right=0, only_a=0, only_b=0, neither=0,
    ...             mcnemar_p=None, sign_flip_p=None, holm_p=None)
    >>> forest_line(pair, 0.1, 9)
    '  --|-o--'
    """
    cells = [" "] * width

    def place(share: float) -> int:
        return round((share / reach + 1) / 2 * (width - 1))

    found = pair.difference
    if found.low is not None and found.high is not None:
        for n in range(place(found.low), place(found.high) + 1):
            cells[n] = "-"
    cells[place(0.0)] = "|"
    if found.value is not None:
        cells[place(found.value)] = "o"
    return "".join(cells)


def points(share: float) -> str:
    """A difference in percentage points.

    >>> points(-0.0312), points(0.0)
    ('-3.1', '0.0')
    """
    return f"{share * 100:+.1f}".replace("+0.0", "0.0").replace("-0.0", "0.0")


def p_text(p: float | None) -> str:
    """A p without more digits than it has.

    >>> p_text(0.0312), p_text(0.0001), p_text(None)
    ('0.031', '<0.001', 'none')
    """
    return "none" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def _row(pair: Pair, y: float, reach: float) -> str:
    found = pair.difference
    label = f"{pair.a} − {pair.b}"
    short = label if len(label) <= MAX_LABEL else f"{label[: MAX_LABEL - 1]}…"
    place = f'x="{LABEL - 12}" y="{y + 4:.1f}" text-anchor="end"'
    drawn = f"<g><title>{_text(label)}</title><text {place}>{_text(short)}</text>"
    figures = "no figure"
    if found.value is not None:
        figures = f"{points(found.value)} (no interval)"
        if found.low is not None and found.high is not None:
            figures = f"{points(found.value)} ({points(found.low)} to {points(found.high)}), p {p_text(pair.holm_p)}"
            low, high = _across(found.low, reach), _across(found.high, reach)
            drawn += f'<path d="M{low:.1f} {y:.1f}H{high:.1f}" stroke="#1f4e79" stroke-width="2"/>'
        x = _across(found.value, reach)
        drawn += f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" fill="#1f4e79"/>'
    return f'{drawn}<text x="{LABEL + PLOT + 16}" y="{y + 4:.1f}">{figures}</text></g>'


def _tick(share: float, x: float, bottom: float) -> str:
    line = "#000" if share == 0 else "#ddd"
    return (
        f'<path d="M{x:.1f} {TOP - 10}V{bottom + 4}" stroke="{line}"/>'
        f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle" font-size="11">{points(share)}</text>'
    )


def _across(share: float, reach: float) -> float:
    return LABEL + (share / reach + 1) / 2 * PLOT


def _caption(comparison: Comparison) -> str:
    drawn = comparison.clusters
    n = next((pair.difference.n for pair in comparison.pairs), 0)
    units = "group" if drawn.unit == "group" else "image"
    return (
        f"{n:,} questions in {drawn.n:,} {units}s, {drawn.resamples:,} resamples of {units}s (seed {drawn.seed}); "
        f"p corrected for {comparison.tests} comparisons"
    )


def _text(text: str) -> str:
    return str(escape(printable(text)))
