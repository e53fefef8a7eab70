"""The tables beside the page: CSV that reads back as the scores, and LaTeX that prints what it is given."""

import csv
import re
import shutil
import subprocess
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparison_files import answers, benchmark, sure, write_run
from neuroonco.errors import printable
from neuroonco.report.comparison import mark
from neuroonco.report.comparison_records import ComparisonPage, Verdict
from neuroonco.report.comparison_tables import COLUMNS, FigureRow, closed_rows, csv_text
from neuroonco.report.comparison_tex import closed_tex, tex_escaped
from neuroonco.walk.comparison_page import Asked, gather_closed

HOSTILE = "a&b%c_d#e{f}g~h^i\\input{x}$j\n\N{RIGHT-TO-LEFT OVERRIDE}é<>|\"'`脳--[k]"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> ComparisonPage:
    """Seven models, of which one has a hostile name, one confidences, and one is incomplete."""
    folder, items = tmp_path_factory.mktemp("runs"), benchmark()
    named = [
        sure(answers(items, "sure/model-1", 9), items),
        answers(items, HOSTILE, 7),
        answers(items, "part", 6)[:-9],
        *(answers(items, f"m{n}", n) for n in range(4)),
    ]
    places = [write_run(folder / str(n), items, rows) for n, rows in enumerate(named)]
    return gather_closed(Asked(places=tuple(places), resamples=200))


def test_csv_reads_back_as_the_scores(page: ComparisonPage) -> None:
    rows = list(csv.DictReader(StringIO(csv_text(closed_rows(page)))))
    assert tuple(rows[0]) == COLUMNS
    keys = [(row["model"], row["figure"], row["group"]) for row in rows]
    assert len(keys) == len(set(keys))
    found = dict(zip(keys, rows, strict=True))

    def same(model: str, figure: str, group: str, value: float | None, n: int) -> None:
        row = found[printable(model), figure, printable(group)]
        assert (None if row["value"] == "" else float(row["value"]), int(row["n"])) == (value, n)

    best = page.models[0]
    score = best.score
    same(best.name, "accuracy", "", score.accuracy.value, 60)
    assert float(found[printable(best.name), "accuracy", ""]["low"]) == score.accuracy.low
    for kind, share in score.by_type.items():
        same(best.name, "accuracy_by_type", kind, share.value, share.n)
    for name in ("recall", "precision", "f1", "false_rejection_rate", "youden_j", "mcc"):
        estimate = getattr(score.rejection, name)
        same(best.name, f"rejection_{name}", "", estimate.value, estimate.n)
    assert score.calibration is not None
    same(best.name, "ece", "logprobs", score.calibration.ece.value, 60)
    for status, number in page.models[2].score.status.items():
        same(page.models[2].name, "questions", status, number, 60)
    pair = page.pairs[0]
    same(pair.a, "difference", pair.b, pair.difference.value, 60)
    same(pair.a, "difference_holm_p", pair.b, pair.holm_p, 60)


def test_csv_gives_no_formula_and_no_line_of_its_own() -> None:
    text = csv_text([FigureRow(model="=cmd|' /C calc'!A0", figure="a\nb", value=None, n=0)])
    assert text.splitlines()[1:] == ["'=cmd|' /C calc'!A0,a\\nb,,,,,0"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("50 % & a_b #1 {x}", r"50 \% \& a\_b \#1 \{x\}"),
        ("~^\\$", r"\textasciitilde{}\textasciicircum{}\textbackslash{}\$"),
        ("a--b---c", "a-{}-{}b-{}-{}-c"),
        ("[x] <y>", r"{[}x{]} \textless{}y\textgreater{}"),
        ("Grüße, naïve Łódź", r"Gr\"{u}\ss{}e, na\"{\i}ve \L{}\'{o}d\'{z}"),
        ("T1 – “x”…", r"T1 -- ``x''\ldots{}"),
        ("脳\N{BRAIN}", r"\texttt{U+8133}\texttt{U+1F9E0}"),
        ("a\nb\x00", r"a\textbackslash{}nb\textbackslash{}x00"),
    ],
)
def test_latex_prints_what_is_there(text: str, shown: str) -> None:
    assert tex_escaped(text) == shown


@given(st.text(max_size=60))
def test_latex_of_any_text_is_ascii_with_nothing_bare(text: str) -> None:
    shown = tex_escaped(text)
    assert shown.isascii()
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)[%&#_$]", shown)
    commands = r"\\(?:[%&#_${}]|[a-zA-Z]+(?:\{\})?|[`'^~\"=](?=\{))"
    bare = re.sub(commands, "", shown)
    assert "\\" not in bare
    depth = 0
    for character in bare:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0


def test_tables_have_as_many_cells_as_columns(page: ComparisonPage) -> None:
    text = closed_tex(page)
    assert text.isascii()
    tables = re.findall(r"\\begin\{tabular\}.*?\\toprule\n(.*?)\\bottomrule", text, re.DOTALL)
    assert len(tables) == 5, "leaderboard, rejection, types of five and of two models, differences"
    for table in tables:
        lines = [line for line in table.splitlines() if line.rstrip().endswith(("\\\\", "[2pt]"))]
        assert len({len(re.findall(r"(?<!\\)&", line)) for line in lines}) == 1
    assert re.search(r"sure/\\allowbreak\{\}model-\\allowbreak\{\}1 & 90\.0 &", text)
    assert "part\\textsuperscript{\\ddag{}}" in text
    assert r"\ddag{} incomplete" in text
    labels = re.findall(r"\\label\{([^}]*)\}", text)
    assert len(labels) == len(set(labels)) == 5


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(page: ComparisonPage, tmp_path: Path) -> None:
    (tmp_path / "tables.tex").write_text(closed_tex(page))
    packages = r"\usepackage[T1]{fontenc}\usepackage{array,booktabs,textcomp}"
    document = r"\documentclass{article}" + packages + r"\begin{document}\input{tables}\end{document}"
    (tmp_path / "page.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:].decode(errors="replace")


def test_marks_say_the_words_of_the_page_and_stand_where_the_accuracy_is(page: ComparisonPage) -> None:
    shown = (Verdict.NOT_ABOVE, Verdict.BELOW)
    models = tuple(m.model_copy(update={"verdict": v}) for m, v in zip(page.models[:2], shown, strict=True))
    tables = closed_tex(page.model_copy(update={"models": models, "pairs": ()})).split(r"\begin{table}")[1:]
    leaderboard, rejection, *_ = tables
    assert r"\dag{} accuracy not above chance. \S{} accuracy below chance." in leaderboard
    assert leaderboard.count(r"\S{}") == 2
    assert r"\dag{}" not in rejection
    assert r"\S{}" not in rejection


def test_a_judges_mark_is_no_percentage() -> None:
    assert [mark(share) for share in (0.0, 0.5, 1.0, None)] == ["0.00", "2.00", "4.00", "–"]
