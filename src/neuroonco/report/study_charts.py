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
    said = []
    for number, (training, line) in enumerate(zip(trainings, lines, strict=True)):
        if not line:
            continue
        drawn = " ".join(f"{LEFT + s / steps * WIDTH:.5g},{TOP + (1 - v / top) * HEIGHT:.5g}" for s, v in line)
        dashes = f" stroke-dasharray='{DASHES[number]}'" if DASHES[number] else ""
        parts += f"<polyline class='curve m{number}' points='{drawn}'{dashes}/>"
        if len(line) == 1:  # a line of one point is invisible
            across, down = drawn.split(",")
            parts += f"<circle class='m{number}' cx='{across}' cy='{down}' r='3'/>"
        said.append(f"{training.pictures.value} pictures: {line[-1][1]:.3f} at step {line[-1][0]}")
    title = "Loss on held-out rows" if field == "held_out_loss" else "Loss in training"
    head = f"<title>{title}</title><desc>{'; '.join(said)}</desc>"
    size = f"0 0 {LEFT + WIDTH + RIGHT} {TOP + HEIGHT + BOTTOM}"
    # Numbers and words of this module alone.
    return Markup(f"<svg class='plot' viewBox='{size}' role='img' focusable='false'>{head}{parts}</svg>")  # noqa: S704


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
