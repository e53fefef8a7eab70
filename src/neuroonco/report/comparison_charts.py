"""SVG charts of a comparison: differences, operating points, reliability, and risk over coverage.

Names and numbers stand beside the charts in HTML. Inside are only axis labels of this module and the numbers that mark
models, so that no chart needs its colors to be read. No text enters but what is escaped.
"""

from collections.abc import Sequence
from math import ceil

from markupsafe import Markup, escape

from neuroonco.errors import printable
from neuroonco.intervals import Estimate
from neuroonco.report.comparison_records import ClosedModel
from neuroonco.score.closed.records import Calibration, Difference, Pair

LEFT, TOP, SIDE = 56, 16, 300
RIGHT_MARGIN, BOTTOM_MARGIN = 24, 46
QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
COLORS = 6
"""Classes ``m0`` to ``m5`` of the style sheet; what they cannot tell apart, numbers and dashes do."""
DASHES = ("", "8 4", "2 3", "10 3 2 3", "5 5", "14 4")
ROW_WIDTH, ROW_HEIGHT = 1000, 16
SCALE_STEP = 0.05


def forest_scale(pairs: Sequence[Pair]) -> float:
    """Half the width of the axis of differences: the furthest interval, rounded up to 5 points.

    >>> forest_scale([])
    0.05
    """
    found = [pair.difference for pair in pairs]
    ends = [abs(end) for one in found for end in (one.low, one.high, one.value) if end is not None]
    return min(1.0, SCALE_STEP * max(1, ceil(max(ends, default=0.0) / SCALE_STEP - 1e-9)))


def forest_row(difference: Difference, scale: float) -> Markup:
    """One difference of two accuracies: its value a mark, its interval a line, zero a thin line in the middle.

    >>> drawn = forest_row(Difference(value=0.05, low=0.0, high=0.1, n=9, clusters=3), 0.1)
    >>> "class='span' x='500'" in drawn, "class='value' x='746'" in drawn
    (True, True)
    """
    parts = f"<rect class='track' x='0' y='0' width='{ROW_WIDTH}' height='{ROW_HEIGHT}'/>"
    if difference.low is not None and difference.high is not None:
        low, high = _across(difference.low, scale), _across(difference.high, scale)
        parts += f"<rect class='span' x='{low:.5g}' y='6' width='{max(high - low, 2):.5g}' height='4'/>"
    parts += f"<rect class='chance' x='{ROW_WIDTH / 2 - 1.5:.5g}' y='0' width='3' height='{ROW_HEIGHT}'/>"
    if difference.value is not None:
        at = min(max(_across(difference.value, scale) - 4, 0), ROW_WIDTH - 8)
        parts += f"<rect class='value' x='{at:.5g}' y='1' width='8' height='14'/>"
    head = (
        f"<svg viewBox='0 0 {ROW_WIDTH} {ROW_HEIGHT}' preserveAspectRatio='none' aria-hidden='true' focusable='false'>"
    )
    return Markup(f"{head}{parts}</svg>")  # noqa: S704 - numbers and class names of this module


def operating_points(models: Sequence[ClosedModel]) -> Markup:
    """Rejection recall (upwards) over false-rejection rate (to the right), a numbered mark with its box a model.

    On the diagonal J is 0: there lies who says "None of the above" at random, with both corners, always and never.
    """
    parts = _line("even", [(_x(0.0), _y(0.0)), (_x(1.0), _y(1.0))])
    for x, y in ((0.0, 0.0), (1.0, 1.0)):
        parts += f"<rect class='corner' x='{_x(x) - 5:.5g}' y='{_y(y) - 5:.5g}' width='10' height='10'/>"
    points: list[tuple[int, float, float]] = []
    for model in models:
        recall, false = model.score.rejection.recall.value, model.score.rejection.false_rejection_rate.value
        if recall is not None and false is not None:
            points.append((model.number, false, recall))
            parts += _box(model.number, model.score.rejection.false_rejection_rate, model.score.rejection.recall)
    placed = [(_x(false), _y(recall)) for _, false, recall in points]  # no disk may cover another model's point
    parts += "".join(_marked(number, _x(false), _y(recall), placed, beside=True) for number, false, recall in points)
    said = [f"model {k}: recall {recall:.1%}, false-rejection rate {false:.1%}" for k, false, recall in points]
    return _plot(parts, "Rejection operating points", "; ".join(said), "false-rejection rate", "rejection recall")


def reliability(calibration: Calibration, name: str) -> Markup:
    """Share right (upwards) over mean confidence of each bin; below, how many answers the bin holds."""
    parts = _line("even", [(_x(0.0), _y(0.0)), (_x(1.0), _y(1.0))])
    most = max((bin_.right.n for bin_ in calibration.bins), default=0)
    said = []
    for bin_ in calibration.bins:
        right = bin_.right
        if bin_.mean_confidence is None or right.value is None:
            continue
        height = right.n / most * SIDE * 0.2
        left, width = _x(bin_.low), (bin_.high - bin_.low) * SIDE
        parts += _rect("held", left + 1, _y(0) - height, width - 2, height)
        x = _x(bin_.mean_confidence)
        if right.low is not None and right.high is not None:
            parts += _line("whisker", [(x, _y(right.low)), (x, _y(right.high))])
        parts += f"<circle class='mark' cx='{x:.5g}' cy='{_y(right.value):.5g}' r='4.5'/>"
        said.append(f"confidence {bin_.mean_confidence:.1%}: {right.value:.1%} right of {right.n}")
    return _plot(parts, f"Reliability of {name}", "; ".join(said), "confidence", "share right")


def risk_coverage(models: Sequence[ClosedModel]) -> Markup:
    """Share wrong (upwards) among the surest answers, over the share of answers kept (to the right)."""
    parts, marks, said = "", "", []
    placed: list[tuple[float, float]] = []
    drawn = [(model, model.score.calibration) for model in models if model.score.calibration is not None]
    for place, (model, calibration) in enumerate(drawn):
        points = [(_x(p.coverage), _y(p.risk)) for p in calibration.risk_coverage]
        if not points:
            continue
        kind = model.number - 1
        dashes = DASHES[kind % len(DASHES)]
        parts += _line(f"curve m{kind % COLORS}", points, dashes)
        # The numbers stand at different places along the lines, so that they do not cover one another.
        at = points[int((place + 1) / (len(drawn) + 1) * (len(points) - 1))]
        marks += _marked(model.number, *at, placed)
        last = calibration.risk_coverage[-1]
        said.append(f"model {model.number}: {last.risk:.1%} wrong at a coverage of {last.coverage:.0%}")
    return _plot(parts + marks, "Risk over coverage", "; ".join(said), "coverage", "share wrong")


def color_key(number: int) -> Markup:
    """The mark of a model as in the charts, for the list of names beside them; without a number its color alone."""
    circle = f"<circle class='m{(number - 1) % COLORS}' cx='11' cy='11' r='10'/>"
    return Markup(  # noqa: S704 - numbers of this module
        f"<svg class='mark-key' viewBox='0 0 22 22' aria-hidden='true' focusable='false'>{circle}"
        f"<text class='in' x='11' y='15' text-anchor='middle'>{number}</text></svg>"
    )


def _marked(number: int, x: float, y: float, placed: list[tuple[float, float]], *, beside: bool = False) -> str:
    """A numbered disk at a point; beside it with a line to it, if asked or where another disk lies."""
    spots = ([] if beside else [(x, y)]) + [(x + dx * k, y + dy * k) for k in (1, 2, 3) for dx, dy in _AROUND]
    inside = [s for s in spots if LEFT - 4 <= s[0] <= LEFT + SIDE + 14 and TOP - 6 <= s[1] <= TOP + SIDE + 6]
    free = [s for s in inside if all((s[0] - a) ** 2 + (s[1] - b) ** 2 >= 19**2 for a, b in placed)]
    cx, cy = (free or [(x, y)])[0]
    placed.append((cx, cy))
    leader = (
        ""
        if (cx, cy) == (x, y)
        else _line("leader", [(x, y), (cx, cy)]) + f"<circle class='tip' cx='{x:.5g}' cy='{y:.5g}' r='2.5'/>"
    )
    disk = f"<circle class='disk m{(number - 1) % COLORS}' cx='{cx:.5g}' cy='{cy:.5g}' r='9'/>"
    return f"{leader}{disk}<text class='in' x='{cx:.5g}' y='{cy + 4:.5g}' text-anchor='middle'>{number}</text>"


_AROUND = ((16, -16), (-16, -16), (0, -22), (22, 0), (-22, 0), (16, 16), (-16, 16), (0, 22))
"""Where a disk stands beside its point: above first, where the intervals of a good model leave room."""


def _box(number: int, across: Estimate, up: Estimate) -> str:
    if across.low is None or across.high is None or up.low is None or up.high is None:
        return ""
    x, y = _x(across.low), _y(up.high)
    width, height = max((across.high - across.low) * SIDE, 1), max((up.high - up.low) * SIDE, 1)
    return _rect(f"box m{(number - 1) % COLORS}", x, y, width, height)


def _rect(name: str, x: float, y: float, width: float, height: float) -> str:
    return f"<rect class='{name}' x='{x:.5g}' y='{y:.5g}' width='{width:.5g}' height='{height:.5g}'/>"


def _across(difference: float, scale: float) -> float:
    return (1 + max(-1.0, min(1.0, difference / scale))) * ROW_WIDTH / 2


def _x(share: float) -> float:
    return LEFT + share * SIDE


def _y(share: float) -> float:
    return TOP + (1 - share) * SIDE


def _plot(parts: str, title: str, text: str, across: str, up: str) -> Markup:
    grid = "".join(_line("grid", [(LEFT, _y(t)), (LEFT + SIDE, _y(t))]) for t in QUARTERS)
    grid += "".join(_line("grid", [(_x(t), TOP), (_x(t), TOP + SIDE)]) for t in QUARTERS)
    words = "".join(_text(LEFT - 6, _y(t) + 4, f"{t:.0%}", "end") for t in QUARTERS)
    words += "".join(_text(_x(t), TOP + SIDE + 16, f"{t:.0%}", "middle") for t in QUARTERS)
    words += _text(LEFT + SIDE / 2, TOP + SIDE + 36, across, "middle")
    middle = TOP + SIDE / 2
    words += f"<text x='12' y='{middle}' text-anchor='middle' transform='rotate(-90 12 {middle})'>{up}</text>"
    size = f"0 0 {LEFT + SIDE + RIGHT_MARGIN} {TOP + SIDE + BOTTOM_MARGIN}"
    said = f"<title>{_escaped(title)}</title><desc>{_escaped(text)}</desc>"
    # Numbers, class names and words of this module, and text that is escaped.
    return Markup(f"<svg class='plot' viewBox='{size}' role='img' focusable='false'>{said}{grid}{parts}{words}</svg>")  # noqa: S704


def _escaped(text: str) -> str:
    return str(escape(printable(text)))


def _line(name: str, points: Sequence[tuple[float, float]], dashes: str = "") -> str:
    steps = " ".join(f"{x:.4g},{y:.4g}" for x, y in points)
    dashed = f" stroke-dasharray='{dashes}'" if dashes else ""
    return f"<polyline class='{name}' points='{steps}'{dashed}/>"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f"<text x='{x:.4g}' y='{y:.4g}' text-anchor='{anchor}'>{text}</text>"
