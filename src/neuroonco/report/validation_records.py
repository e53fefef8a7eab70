"""Records of the validation page: the figures, and the slices that went most wrong."""

from neuroonco.outcomes import Record
from neuroonco.report.records import Fact
from neuroonco.score.validation_records import ValidationReport


class ExampleValue(Record):
    """What one label says of one sign.

    Attributes:
        value: None where it says nothing.
        right: None where there is nothing to judge.
    """

    value: str | None
    right: bool | None = None


class ExampleRow(Record):
    """One sign of one slice: the truth and what each label says, in the order of the columns."""

    sign: str
    truth: str | None
    values: tuple[ExampleValue, ...]


class ErrorExample(Record):
    """A slice that went wrong.

    Attributes:
        condition: under which.
        title: what was drawn, in words.
        png: picture with the true outline; None where it cannot be read.
        columns: names of the labels.
        rows: signs of which the truth or a label says something.
    """

    condition: str
    title: str
    png: bytes | None
    columns: tuple[str, ...]
    rows: tuple[ExampleRow, ...]


class ValidationPage(Record):
    """Everything on the page."""

    title: str
    facts: tuple[Fact, ...]
    report: ValidationReport
    examples: tuple[ErrorExample, ...] = ()
