"""The tables of a comparison as LaTeX: floats with booktabs rules, for ``\\input`` in a paper."""

import re
from collections.abc import Iterable, Iterator, Sequence
from unicodedata import category, normalize

from neuroonco.errors import printable
from neuroonco.intervals import Estimate
from neuroonco.report.comparison_records import ComparedRun, ComparisonPage, OpenComparisonPage, Verdict
from neuroonco.report.page import shorten, type_name
from neuroonco.score.closed.records import Rejection

Cell = tuple[str, str]
"""A cell: its figure, and below it the interval; either may be empty."""
NO_CELL: Cell = ("", "")
MODELS_A_TABLE = 5
"""Columns of the table by type; more models go on in a further table."""
_ESCAPES = {
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "]": "{]}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "\N{HORIZONTAL ELLIPSIS}": r"\ldots{}",
    "\N{LEFT DOUBLE QUOTATION MARK}": "``",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "''",
    "\N{LEFT SINGLE QUOTATION MARK}": "`",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{MULTIPLICATION SIGN}": r"\texttimes{}",
    "\N{MICRO SIGN}": r"\textmu{}",
    "\N{DEGREE SIGN}": r"\textdegree{}",
    "\N{PLUS-MINUS SIGN}": r"\textpm{}",
}
_ACCENTS = {
    "\N{COMBINING GRAVE ACCENT}": "`",
    "\N{COMBINING ACUTE ACCENT}": "'",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^",
    "\N{COMBINING TILDE}": "~",
    "\N{COMBINING DIAERESIS}": '"',
    "\N{COMBINING RING ABOVE}": "r",
    "\N{COMBINING CARON}": "v",
    "\N{COMBINING CEDILLA}": "c",
    "\N{COMBINING MACRON}": "=",
    "\N{COMBINING OGONEK}": "k",
}
_LETTERS = {"ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}", "Ł": r"\L{}"}


def tex_escaped(text: str) -> str:
    r"""Text from data as LaTeX that prints it, in ASCII alone, so that every engine reads it.

    Letters with accents become commands. What has none, as another script, a mark of direction or an emoji, is printed
    as its code point.

    >>> print(tex_escaped(r"50 % of a_b {x} \ ~ ^ # & $"))
    50 \% of a\_b \{x\} \textbackslash{} \textasciitilde{} \textasciicircum{} \# \& \$
    >>> print(tex_escaped("Café-Ø 脳"))
    Caf\'{e}-\O{} \texttt{U+8133}
    """
    escaped = "".join(_character(c) for c in normalize("NFC", printable(text)))
    return escaped.replace("--", "-{}-{}") if "--" in text else escaped  # two hyphens would become a dash


def closed_tex(page: ComparisonPage) -> str:
    """Leaderboard, rejection, accuracy by type, and differences."""
    parts = [_head(page.benchmark, page.benchmark_sha256, page.warnings), _leaderboard(page), _rejection(page)]
    parts += _by_type(page.models, page.types, [m.score.by_type for m in page.models], "Accuracy", page)
    parts.append(_differences(page))
    return "\n".join(part for part in parts if part)


def open_tex(page: OpenComparisonPage) -> str:
    """Leaderboard, and recall of attributes by type."""
    rows: list[list[Cell]] = []
    for m in page.models:
        found, words = m.score.attributes, (m.score.rouge_l, m.score.bleu)
        shares = (found.f1, found.gain, found.recall, found.precision, m.score.keywords.gain, *words)
        rows.append([(_name(m), ""), *(_percent(e) for e in shares)])
    for m in page.models[:1]:
        floor = m.score.attributes.floor
        shown = (_percent(floor.f1), NO_CELL, _percent(floor.recall), _percent(floor.precision), *([NO_CELL] * 3))
        rows.append([("Floor", ""), *shown])
    caption = (
        f"Open questions of {tex_escaped(page.benchmark)} ({page.questions} questions on {page.images} images), in "
        "percent, with 95~\\% intervals over clusters. The floor is the best constant answer to each question type, "
        "made from the references and without a picture; gain is F1 less its. Keyword gain is F1 less that of echoing "
        "the question. " + " ".join(_marks(page.models))
    )
    heads = ["Model", "Attribute F1", "Gain", "Recall", "Precision", "Keyword gain", "ROUGE-L", "BLEU"]
    parts = [_head(page.benchmark, page.benchmark_sha256, page.warnings), _table("open", caption, heads, rows)]
    cells = [m.score.by_type for m in page.models]
    parts += _by_type(page.models, page.types, cells, "Attribute recall", page)
    return "\n".join(parts)


def _head(benchmark: str, sha256: str, warnings: Iterable[str]) -> str:
    lines = [
        "% \\usepackage{array,booktabs,textcomp} and \\usepackage[T1]{fontenc}",
        f"% Questions: {_comment(benchmark)}, sha256 {sha256}",
        *(f"% Note: {_comment(warning)}" for warning in warnings),
    ]
    return "\n".join(lines) + "\n"


def _leaderboard(page: ComparisonPage) -> str:
    rows: list[list[Cell]] = []
    for m in page.models:
        s = m.score
        shares = (_percent(e) for e in (s.accuracy, s.macro_by_type, s.multiple_choice, s.binary))
        rows.append([(_name(m), ""), *shares, _points(s.rejection.youden_j), (str(s.status.get("ok", 0)), "")])
    if page.chance is not None:
        chance = (f"{page.chance * 100:.1f}", "")
        rows.append([("Chance", ""), chance, NO_CELL, NO_CELL, NO_CELL, ("$0.00$", ""), NO_CELL])
    caption = (
        f"Closed questions of {tex_escaped(page.benchmark)} ({page.questions} questions on {page.images} images): "
        f"accuracy in percent and Youden's $J$ of rejection, with 95~\\% intervals over {page.clusters.n} clusters "
        f"({page.clusters.resamples} resamples). A question that was not answered counts as wrong. "
        + " ".join(_marks(page.models))
        + " Chance is the best expected accuracy without a look at the image."
    )
    heads = ["Model", "Accuracy", "Macro by type", "Multiple choice", "Binary", "Youden's $J$", "Answered"]
    return _table("leaderboard", caption, heads, rows)


def _rejection(page: ComparisonPage) -> str:
    def row(name: str, found: Rejection) -> list[Cell]:
        shares = (_percent(e) for e in (found.recall, found.precision, found.f1, found.false_rejection_rate))
        return [(name, ""), *shares, _points(found.youden_j), _points(found.mcc)]

    # Chance is of accuracy, which stands in another table.
    rows = [row(_name(m, beside_chance=False), m.score.rejection) for m in page.models]
    rows += [row("Always rejects", m.score.always_none) for m in page.models[:1]]
    n = page.models[0].score.rejection
    caption = (
        f"Use of ``None of the above'': {n.recall.n} questions without the true answer and "
        f"{n.false_rejection_rate.n} with it. Shares in percent. " + " ".join(_marks(page.models, beside_chance=False))
    )
    heads = ["Model", "Recall", "Precision", "F1", "False rejections", "Youden's $J$", "MCC"]
    return _table("rejection", caption, heads, rows)


def _by_type(
    models: Sequence[ComparedRun],
    types: Sequence[str],
    cells: Sequence[dict[str, Estimate]],
    what: str,
    page: ComparisonPage | OpenComparisonPage,
) -> list[str]:
    tables = []
    for start in range(0, len(models), MODELS_A_TABLE):
        part = slice(start, start + MODELS_A_TABLE)
        rows: list[list[Cell]] = []
        for kind in types:
            found = [by_type.get(kind) for by_type in cells[part]]
            n = next((e.n for e in found if e is not None), 0)
            shares = (("--", "") if e is None else _percent(e) for e in found)
            rows.append([(tex_escaped(type_name(kind)), ""), (str(n), ""), *shares])
        caption = (
            f"{what} by question type in percent, with 95~\\% intervals; {tex_escaped(page.benchmark)}. "
            + " ".join(_marks(models[part]))
        )
        heads = ["Type", "$n$", *(_name(m) for m in models[part])]
        tables.append(_table(f"types-{start // MODELS_A_TABLE + 1}", caption, heads, rows))
    return tables


def _differences(page: ComparisonPage) -> str:
    if not page.pairs:
        return ""
    names = {m.name: _name(m) for m in page.models}
    rows: list[list[Cell]] = []
    for pair in page.pairs:
        d = pair.difference
        gain, interval = _with_interval(d.value, d.low, d.high, 100, "+.1f")
        between = [(names[pair.a], ""), (names[pair.b], "")]
        rows.append([*between, (f"{gain} ({interval})" if interval else gain, ""), (_p(pair.holm_p), "")])
    caption = (
        "Differences of accuracy in percentage points, first minus second, with 95~\\% intervals of the cluster-paired "
        f"bootstrap; $p$ is corrected for {page.tests} comparisons (Holm). " + " ".join(_marks(page.models))
    )
    return _table("differences", caption, ["First", "Second", "Difference", "$p$"], rows, text_columns=2)


_CHANCE_MARKS = {Verdict.NOT_ABOVE: r"\dag{}", Verdict.BELOW: r"\S{}"}


def _marks(models: Sequence[ComparedRun], *, beside_chance: bool = True) -> Iterable[str]:
    if not all(m.sees_picture for m in models):
        yield "* does not see the question's own picture."
    for verdict, mark in _CHANCE_MARKS.items():
        if beside_chance and any(getattr(m, "verdict", None) is verdict for m in models):
            yield f"{mark} accuracy {verdict.value}."
    if not all(m.score.complete for m in models if hasattr(m, "score")):
        yield r"\ddag{} incomplete: not every question was put to the model and came back."


def _name(model: ComparedRun, *, beside_chance: bool = True) -> str:
    marks = "" if model.sees_picture else "*"
    verdict = getattr(model, "verdict", None)
    marks += _CHANCE_MARKS.get(verdict, "") if beside_chance and verdict is not None else ""
    score = getattr(model, "score", None)
    marks += r"\ddag{}" if score is not None and not score.complete else ""
    # Names are long words: where they may break is said, as LaTeX breaks none of them by itself.
    name = "".join(f"{part}\\allowbreak{{}}" if part in _BREAKS else part for part in _pieces(shorten(model.name)))
    return f"{name}\\textsuperscript{{{marks}}}" if marks else name


_BREAKS = frozenset(("/", ":", "-", r"\_"))


def _pieces(name: str) -> list[str]:
    return [tex_escaped(part) for part in re.split(r"(?<=[/:_-])|(?=[/:_-])", name) if part]


def _table(name: str, caption: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]], text_columns: int = 1) -> str:
    wide = len(heads) > 4
    text = r">{\raggedright\arraybackslash\hspace{0pt}}" + (f"p{{{24 if wide else 33}mm}}")
    columns = text * text_columns + "r" * (len(heads) - text_columns)
    shown = [
        head if at < text_columns else f"\\parbox[b]{{14mm}}{{\\raggedleft\\hspace{{0pt}}{head}}}"
        for at, head in enumerate(heads)
    ]
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{3pt}",
        f"\\caption{{{caption.strip()}}}",
        f"\\label{{tab:{name}}}",
        f"\\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        r"\toprule",
        " & ".join(shown) + r" \\",
        r"\midrule",
        *(line for row in rows for line in _lines(row)),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _lines(row: Sequence[Cell]) -> Iterator[str]:
    """A row of figures, and one of their intervals below."""
    yield " & ".join(upper for upper, _ in row) + r" \\"
    if any(lower for _, lower in row):
        yield " & ".join(f"{{\\tiny {lower}}}" if lower else "" for _, lower in row) + r" \\ \addlinespace[2pt]"


def _percent(e: Estimate) -> Cell:
    if e.value is None:
        return "--", ""
    return f"{e.value * 100:.1f}", "" if e.low is None or e.high is None else f"{e.low * 100:.1f}--{e.high * 100:.1f}"


def _points(e: Estimate) -> Cell:
    return _with_interval(e.value, e.low, e.high, 1, ".2f")


def _with_interval(value: float | None, low: float | None, high: float | None, factor: int, form: str) -> Cell:
    if value is None:
        return "--", ""
    between = "" if low is None or high is None else f"{_signed(low * factor, form)} to {_signed(high * factor, form)}"
    return _signed(value * factor, form), between


def _signed(value: float, form: str) -> str:
    """A number with a minus sign, not a hyphen."""
    return f"${value:{form}}$"


def _p(p: float | None) -> str:
    return "--" if p is None else "$<$0.001" if p < 0.001 else f"{p:.3f}"


def _character(c: str) -> str:
    if c in _ESCAPES:
        return _ESCAPES[c]
    if c in _LETTERS:
        return _LETTERS[c]
    if c.isascii():
        return c
    apart = normalize("NFD", c)
    if len(apart) == 2 and apart[0].isascii() and apart[0].isalpha() and apart[1] in _ACCENTS:
        return f"\\{_ACCENTS[apart[1]]}{{{_dotless(apart[0])}}}"
    return " " if category(c) == "Zs" else f"\\texttt{{U+{ord(c):04X}}}"


def _dotless(letter: str) -> str:
    return {"i": r"\i", "j": r"\j"}.get(letter, letter)


def _comment(text: str) -> str:
    """A text in a comment, which ends with its line."""
    return printable(text).encode("ascii", "backslashreplace").decode("ascii")
