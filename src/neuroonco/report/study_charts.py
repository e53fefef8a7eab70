"""Training curves as SVG: loss over steps, one line a training."""

from collections.abc import Sequence
from math import ceil, floor, log10

from markupsafe import Markup

from neuroonco.report.comparison_charts import DASHES
from neuroonco.report.study_records import StudyTraining

LEFT, TOP, WIDTH, HEIGHT, RIGHT, BOTTOM = 46, 10, 420, 190, 14, 44
FIELDS = ("loss", "held_out_loss")
MAX_POINTS = 400
"""Drawn of a line; a longer one is thinned evenly, its last point kept."""


def curves(trainings: Sequence[StudyTraining], field: str) -> Markup:
    """Lines of one loss (upwards, in nats) over steps, from 0; nothing drawn of a training that logged none.

    Args:
        trainings: in the order of their colors.
        field: one of :data:`FIELDS`.
    """
    if field not in FIELDS:
        raise ValueError(field)
    lines = [_points(training, field) for training in trainings]
    steps = max((step for line in lines for step, _ in line), default=1)
    top = nice(max((value for line in lines for _, value in line), default=1.0))
    parts = ""
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = TOP + (1 - share) * HEIGHT
        parts += f"<polyline class='grid' points='{LEFT},{y:.4g} {LEFT + WIDTH},{y:.4g}'/>"
        parts += f"<text x='{LEFT - 6}' y='{y + 4:.4g}' text-anchor='end'>{share * top:.3g}</text>"
    for share in (0.0, 0.5, 1.0):
        x, y = LEFT + share * WIDTH, TOP + HEIGHT + 16
        parts += f"<text x='{x:.4g}' y='{y}' text-anchor='middle'>{round(share * steps)}</text>"
    parts += f"<text x='{LEFT + WIDTH / 2:.4g}' y='{TOP + HEIGHT + 36}' text-anchor='middle'>steps</text>"
    said, marks = [], ""
    for number, (training, line) in enumerate(zip(trainings, lines, strict=True)):
        if not line:
            continue
        drawn = " ".join(f"{LEFT + s / steps * WIDTH:.5g},{TOP + (1 - v / top) * HEIGHT:.5g}" for s, v in line)
        dashes = f" stroke-dasharray='{DASHES[number]}'" if DASHES[number] else ""
        parts += f"<polyline class='curve m{number}' points='{drawn}'{dashes}/>"
        # The numbers stand at different places along the lines, so that they do not cover one another.
        at = drawn.split(" ")[int((number + 1) / (len(lines) + 1) * (len(line) - 1))]
        across, down = (float(place) for place in at.split(","))
        marks += f"<circle class='disk m{number}' cx='{across:.5g}' cy='{down:.5g}' r='8'/>"
        marks += f"<text class='in' x='{across:.5g}' y='{down + 4:.5g}' text-anchor='middle'>{number + 1}</text>"
        said.append(f"{training.pictures.value} pictures: {line[-1][1]:.3f} at step {line[-1][0]}")
    title = "Loss on held-out rows" if field == "held_out_loss" else "Loss in training"
    head = f"<title>{title}</title><desc>{'; '.join(said)}</desc>"
    size = f"0 0 {LEFT + WIDTH + RIGHT} {TOP + HEIGHT + BOTTOM}"
    # Numbers and words of this module alone.
    return Markup(f"<svg class='plot' viewBox='{size}' role='img' focusable='false'>{head}{parts}{marks}</svg>")  # noqa: S704


def curve_key(number: int) -> Markup:
    """A curve as it is drawn, its dashes and its number, for the list of names above the charts.

    Args:
        number: of the training, from 1.
    """
    kind = number - 1
    dashes = f" stroke-dasharray='{DASHES[kind]}'" if DASHES[kind] else ""
    return Markup(  # noqa: S704 - numbers of this module
        "<svg class='curve-key' viewBox='0 0 62 20' aria-hidden='true' focusable='false'>"
        f"<polyline class='curve m{kind}' points='0,10 40,10'{dashes}/><circle class='m{kind}' cx='52' cy='10' r='9'/>"
        f"<text class='in' x='52' y='14' text-anchor='middle'>{number}</text></svg>"
    )


def nice(most: float) -> float:
    """The end of an axis: a round number that is not below.

    >>> nice(0.73), nice(2.1), nice(0.0)
    (0.8, 4.0, 1.0)
    """
    if most <= 0:
        return 1.0
    unit = 10.0 ** floor(log10(most))
    return next(round(unit * m, 9) for m in (1, 2, 4, 6, 8, 10) if m >= round(most / unit, 9))


def _points(training: StudyTraining, field: str) -> list[tuple[int, float]]:
    found = [(point.step, value) for point in training.curve if (value := getattr(point, field)) is not None]
    every = max(1, ceil(len(found) / MAX_POINTS))
    return found[::-1][::every][::-1]
