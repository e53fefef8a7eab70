"""Render a validation as one HTML page that needs nothing else."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup

from neuroonco.report import validation_charts
from neuroonco.report.page import NO_FIGURE, environment
from neuroonco.report.validation_records import ValidationPage
from neuroonco.score.confidence_records import Curve
from neuroonco.score.validation_records import Aim, ConditionReport
from neuroonco.vocabulary import MRSequence, ReadingKind, Sign, display, recode

SHORT = {"conservative": "A", "skeptical": "B"}


def render_validation(page: ValidationPage) -> str:
    """The whole page; the same figures give the same bytes.

    Text from data is escaped, and the page forbids the browser to load anything from elsewhere.
    """
    folder = files("neuroonco.report")
    style = Markup("".join(folder.joinpath(f"{name}.css").read_text("utf-8") for name in ("page", "validation")))  # noqa: S704 - our own files
    template = _environment().get_template("validation.html")
    return template.render(
        p=page,
        r=page.report,
        style=style,
        readings=tuple(ReadingKind),
        sequences=tuple(MRSequence),
        curves=curves_of,
        aims=lambda condition: aims_for(condition, page.report.aims),
    )


def curves_of(condition: ConditionReport, sign: str) -> list[tuple[str, Curve]]:
    """Kind of label and its curve of one sign, or ``overall``."""
    return [(kind, label.curves[sign]) for kind, label in condition.labels.items()]


def aims_for(condition: ConditionReport, aims: tuple[Aim, ...]) -> list[tuple[str, Aim]]:
    """What a condition's chart shows to compare with: its own aim, and the published pipeline."""
    own = "Aim with masks" if condition.condition.masks_given else "Aim without masks"
    classes = {own: "own", "Published model pipeline": "published"}
    return [(classes[aim.name], aim) for aim in aims if aim.name in classes]


def plain(value: float | None) -> str:
    """A number of two digits, or a dash.

    >>> plain(0.5), plain(-0.034), plain(None)
    ('0.50', '−0.03', '–')
    """
    return NO_FIGURE if value is None else f"{value:.2f}".replace("-", "−")


def points(value: float | None) -> str:
    """A difference of two shares in hundredths, with its sign, or a dash.

    >>> points(0.0123), points(-0.003), points(None)
    ('+1.2', '−0.3', '–')
    """
    return NO_FIGURE if value is None else f"{100 * value:+.1f}".replace("-", "−")


def words(name: str) -> str:
    """A token as words.

    >>> words("held_out_3_masks_hidden")
    'Held out 3 masks hidden'
    """
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def label_name(kind: str, short: bool = False) -> str:
    """Name of a kind of label.

    >>> label_name("conservative"), label_name("skeptical", short=True), label_name("fused")
    ('A, conservative', 'B', 'Fused')
    """
    letter = SHORT.get(kind)
    if letter is None:
        return words(kind)
    return letter if short else f"{letter}, {kind}"


def _sequence_name(name: str) -> str:
    found = recode(MRSequence, name)
    return name if found is None else display(found)


def _given(known: bool | None) -> str:
    return "not known to be given" if known is None else "given" if known else "hidden"


def _stated(known: bool | None) -> str:
    return "not known to be stated" if known is None else "stated" if known else "hidden"


@cache
def _environment() -> Environment:
    made = environment().overlay()
    made.filters = dict(environment().filters) | {"plain": plain, "points": points, "words": words, "label": label_name}
    made.globals = dict(environment().globals) | {
        "charts": validation_charts,
        "signs": tuple(Sign),
        "sequence_name": _sequence_name,
        "given": _given,
        "stated": _stated,
    }
    return made
