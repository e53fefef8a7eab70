"""SVG charts of a validation: precision over omission, and right values over confidence.

Both are squares of 0 to 1 with their axes labelled inside, in units that the style sheet sets. No text comes from data:
names of series stand in a key beside the chart.
"""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from neuroonco.intervals import Estimate
from neuroonco.score.confidence_records import Calibration, Curve
from neuroonco.score.validation_records import Aim

LEFT, TOP, WIDTH, HEIGHT = 46, 10, 380, 260
RIGHT_MARGIN, BOTTOM_MARGIN = 26, 44
PRECISION_FROM = 0.5
"""Lower end of the precision axis: below it a label is worse than a coin, and the upper half is where curves differ."""
MIN_N = 10
"""A line ends where it rests on fewer values: their intervals are wider than the chart."""


def curve_chart(curves: Sequence[tuple[str, Curve]], aims: Sequence[tuple[str, Aim]] = ()) -> Markup:
    """Precision (upwards) over omission (to the right) of several labels, the label as given marked by a dot.

    Args:
        curves: (style class, curve); the band around the last line is the interval of its precision.
        aims: (style class, what to reach): a cross at its omission and precision.
    """
    lines = "".join(_band(name, curve) for name, curve in curves[-1:])
    lines += "".join(_line(name, curve) for name, curve in curves)
    crosses = "".join(
        _cross(name, _x(aim.omission), _y(aim.precision))
        for name, aim in aims
        if aim.omission is not None and aim.precision is not None
    )
    ticks = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    return _chart(lines + crosses, ticks, _y, "omission", "precision")


def reliability_chart(calibration: Calibration) -> Markup:
    """Share of right values (upwards) over confidence (to the right); the thin line is where both are equal."""
    parts = _path("even", [(_x(0.0), _full_y(0.0)), (_x(1.0), _full_y(1.0))])
    for bin_ in calibration.bins:
        right = bin_.right
        if bin_.mean_confidence is None or right.value is None or right.low is None or right.high is None:
            continue
        x = _x(bin_.mean_confidence)
        parts += _path("whisker", [(x, _full_y(right.low)), (x, _full_y(right.high))])
        parts += _dot("mark", x, _full_y(right.value))
    return _chart(parts, (0.0, 0.25, 0.5, 0.75, 1.0), _full_y, "confidence", "right")


def shade(share: float) -> str:
    """Style class of a matrix cell by its share of the row, in tenths.

    >>> shade(0.0), shade(0.37), shade(1.0)
    ('s0', 's3', 's10')
    """
    return f"s{int(share * 10)}"


def _drawn(curve: Curve) -> list[tuple[float, Estimate]]:
    kept = [p for number, p in enumerate(curve.points) if number == 0 or p.precision.n >= MIN_N]
    found = [(p.omission.value, p.precision) for p in kept]
    return [(omission, precision) for omission, precision in found if omission is not None]


def _line(name: str, curve: Curve) -> str:
    points = [(_x(o), _y(p.value)) for o, p in _drawn(curve) if p.value is not None]
    if not points:
        return ""
    return _path(f"line {name}", points) + _dot(f"mark {name}", *points[0])


def _band(name: str, curve: Curve) -> str:
    points = _drawn(curve)
    upper = [(_x(o), _y(p.high)) for o, p in points if p.high is not None]
    lower = [(_x(o), _y(p.low)) for o, p in points if p.low is not None]
    return _path(f"band {name}", [*upper, *reversed(lower)], closed=True) if len(upper) > 1 else ""


def _x(share: float) -> float:
    return LEFT + share * WIDTH


def _y(precision: float) -> float:
    return TOP + min(1.0, (1.0 - precision) / (1.0 - PRECISION_FROM)) * HEIGHT


def _full_y(share: float) -> float:
    return TOP + (1.0 - share) * HEIGHT


def _chart(parts: str, ticks: Sequence[float], y: Callable[[float], float], across: str, up: str) -> Markup:
    grid = "".join(_path("grid", [(LEFT, y(t)), (LEFT + WIDTH, y(t))]) for t in ticks)
    grid += "".join(_path("grid", [(_x(t), TOP), (_x(t), TOP + HEIGHT)]) for t in (0.0, 0.25, 0.5, 0.75, 1.0))
    text = "".join(_text(LEFT - 6, y(t) + 4, f"{t:.0%}", "end") for t in ticks)
    text += "".join(_text(_x(t), TOP + HEIGHT + 16, f"{t:.0%}", "middle") for t in (0.0, 0.25, 0.5, 0.75, 1.0))
    text += _text(LEFT + WIDTH / 2, TOP + HEIGHT + 34, across, "middle")
    text += _text(LEFT + 6, TOP + HEIGHT - 8, up, "start")
    size = f"0 0 {LEFT + WIDTH + RIGHT_MARGIN} {TOP + HEIGHT + BOTTOM_MARGIN}"
    # Numbers, class names and words of this module only: nothing from data enters the markup.
    return Markup(f"<svg class='plot' viewBox='{size}' role='img' focusable='false'>{grid}{parts}{text}</svg>")  # noqa: S704


def _path(name: str, points: Sequence[tuple[float, float]], *, closed: bool = False) -> str:
    steps = " ".join(f"{x:.4g},{y:.4g}" for x, y in points)
    tag = "polygon" if closed else "polyline"
    return f"<{tag} class='{name}' points='{steps}'/>"


def _dot(name: str, x: float, y: float) -> str:
    return f"<circle class='{name}' cx='{x:.4g}' cy='{y:.4g}' r='4'/>"


def _cross(name: str, x: float, y: float) -> str:
    return f"<path class='aim {name}' d='M{x - 6:.4g} {y:.4g}h12M{x:.4g} {y - 6:.4g}v12'/>"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f"<text x='{x:.4g}' y='{y:.4g}' text-anchor='{anchor}'>{text}</text>"
