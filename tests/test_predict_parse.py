"""The reply parser: one chosen option or nothing, on every row of the table and on texts that nobody wrote."""

import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroonco.build.interop import read_closed
from neuroonco.predict import (
    parse_context,
    parse_marks,
    parse_markup,
    parse_open,
    parse_options,
    parse_several,
    parse_tail,
    parse_text,
)
from neuroonco.predict.parse import MAX_REPLY_CHARS, read_confidence, read_letter, read_letters, read_open
from reference_extractors import first_letter, last_letter
from reply_table import BINARY, LIST, TYPES, Row
from reply_table import TABLE as FIRST
from reply_table_review import GIVEN_UP, REVIEWED

TABLE = [*FIRST, *REVIEWED]
UPSTREAM = Path(__file__).parents[2] / "shared" / "upstream"
TWICE_OFFERED = 18
"""Published option sets that hold the same words twice, so that the text alone names neither."""
DOC = Path(__file__).parents[1] / "docs" / "parser.md"
EXTRACTORS = {"ours": None, "last letter": last_letter, "first letter": first_letter}


def read(row: Row) -> str | None:
    return read_letter(row.reply, tuple(row.offered), row.offered)


def type_of(reply: str) -> str | None:
    return read_letter(reply, "ABCDE", TYPES)


# --- the table ---


@pytest.mark.parametrize("row", TABLE, ids=[f"{n}-{row.reply[:30]!r}" for n, row in enumerate(TABLE)])
def test_a_reply_is_read_as_a_careful_reader_would(row: Row) -> None:
    assert read(row) == row.expected, row.note


@pytest.mark.parametrize("row", GIVEN_UP, ids=lambda row: row.reply[:30])
def test_what_is_given_up_is_not_read_as_another(row: Row) -> None:
    assert read(row) is None


def test_the_table_is_large_and_says_each_thing_once() -> None:
    assert len(TABLE) == len({(row.reply, *row.offered.values()) for row in TABLE}) == 1005
    assert sum(row.expected is None for row in TABLE) == 500
    assert all(row.expected is None or row.expected in row.offered for row in TABLE)
    assert all(row.note for row in TABLE)


def scores() -> dict[str, tuple[int, int, int]]:
    """For each extractor: replies read as expected; replies without a choice read as a letter; those read as E."""
    found = {}
    for name, extract in EXTRACTORS.items():
        told = [(row.expected, read(row) if extract is None else extract(row.reply)) for row in TABLE]
        invented = Counter(letter for expected, letter in told if expected is None and letter is not None)
        found[name] = (sum(expected == letter for expected, letter in told), invented.total(), invented["E"])
    return found


def test_the_reference_invents_answers_where_there_is_none() -> None:
    assert scores() == {"ours": (1005, 0, 0), "last letter": (306, 487, 110), "first letter": (500, 352, 18)}


def test_the_page_states_the_scores_of_the_table() -> None:
    text = DOC.read_text("utf-8")
    nothing = sum(row.expected is None for row in TABLE)
    labels = {"ours": "this parser", "last letter": "reference, local", "first letter": "reference, served"}
    for name, (right, invented, rejected) in scores().items():
        assert f"| {labels[name]} | {right} of {len(TABLE)} | {invented} of {nothing} | {rejected} |" in text
    for group, rows in Counter(row.group for row in TABLE).items():
        assert f"| {group} | {rows} |" in text
    assert f"{len(GIVEN_UP)} replies" in text


# --- rules ---

REPLIES = [
    *("{x}", "({x})", "**Answer:** ({x})", "\\boxed{{{x}}}", "Final: {x}", '{{"answer": "{x}"}}', "{t}", "{x}. {t}"),
    *(
        "A large lesion is seen, so the answer is {x}",
        "{x} or {y}",
        "The answer is {x}. The answer is {y}.",
        "{x}. {u}",
    ),
    *("It is not {x}.", "This is most likely {t}.", "{t} ({x})", "The answer is {t} or {u}", "Answer: {x}, not {y}"),
]


@given(st.sampled_from(REPLIES), st.permutations("ABCDE"))
def test_naming_the_options_otherwise_names_the_choice_otherwise(reply: str, order: list[str]) -> None:
    before = reply.format(x="B", t=TYPES["B"], y="C", u=TYPES["C"])
    moved = dict(zip("ABCDE", order, strict=True))
    texts = {moved[letter]: text for letter, text in TYPES.items()}
    after = reply.format(x=moved["B"], t=TYPES["B"], y=moved["C"], u=TYPES["C"])
    expected = type_of(before)
    assert read_letter(after, sorted(texts), texts) == (None if expected is None else moved[expected])


PIECES = [*"ABCDEFabc .,;:!?()[]{}\"'*_\n", "the answer is ", "not ", " or ", "Answer: ", "None of the above", "glioma",
          "meningioma", "\\boxed{", "}", "{", '"answer": ', "<think>", "</think>", "so ", "if ", "С", "Ｃ",
          "❌", "✅"]  # fmt: skip
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=30).map("".join))


@settings(max_examples=300)
@given(TEXTS)
def test_any_text_gives_an_offered_letter_or_nothing(text: str) -> None:
    assert type_of(text) in {None, *"ABCDE"}
    assert read_letter(text, "AB", BINARY) in {None, "A", "B"}


@settings(max_examples=300)
@given(TEXTS)
def test_an_option_is_chosen_only_where_its_letter_or_text_stands(text: str) -> None:
    letter = type_of(text)
    if letter is not None:
        plain = unicodedata.normalize("NFKC", text).casefold()
        words = " ".join(re.findall(r"\w+", plain.replace("_", " ")))
        alone = re.search(rf"(?<![a-z]){letter.casefold()}(?![a-z])", plain)
        assert alone or TYPES[letter].casefold() in words


@pytest.mark.parametrize("row", [row for row in TABLE if row.group != "thoughts"][::7], ids=lambda row: row.reply[:20])
@pytest.mark.parametrize(
    "thoughts",
    ["<think>Answer: D. E?</think>", "<think>\n" + LIST + "</think>\n\n", "◁think▷B◁/think▷", "Answer: A</think>\n"],
)
def test_thoughts_before_a_reply_change_nothing(row: Row, thoughts: str) -> None:
    assert read_letter(thoughts + row.reply, tuple(row.offered), row.offered) == row.expected


@given(st.text(alphabet="abcdxyz ,;", max_size=40), st.sampled_from("ABCDE"))
def test_a_marked_last_line_decides_over_prose(prose: str, letter: str) -> None:
    assert type_of(f"The picture: {prose} x\nAnswer: {letter}") == letter


@given(st.text(alphabet="abcdefgh ijkl.,;\n", max_size=200))
def test_prose_without_an_option_chooses_nothing(prose: str) -> None:
    words = re.sub(r"\b[a-e]\b", "", prose)
    assert type_of(f"x {words} x") is None


# --- hostile texts ---


def test_a_reply_of_absurd_length_is_unreadable() -> None:
    assert type_of("Answer: C" + " x" * MAX_REPLY_CHARS) is None
    assert type_of("<think>" + "x" * MAX_REPLY_CHARS + "</think>C") == "C"


HOSTILE = [
    *(
        "answer is A ",
        "answer: A" + " " * 50,
        "C\n",
        "C or ",
        "A is ",
        "(",
        "[",
        "{",
        '{"answer":',
        "{'a':",
        "\\boxed{",
    ),
    *(
        "\\text{",
        "_",
        "a_",
        "*",
        "`",
        "```\n",
        "#",
        "# ",
        "<think>",
        "</think>",
        "<",
        "<b",
        "<|",
        "<|channel|>final ",
        "\n",
    ),
    *(
        "answer",
        "answer ",
        "final ",
        "none of the ",
        "none.",
        "None of the above ",
        "glioma, ",
        "\\",
        "$",
        "“",
        "✅",
        "❌",
    ),
    *(
        "[ ]",
        "- ",
        "1. ",
        "Q1: ",
        "C, ",
        "C (",
        "not ",
        "if ",
        "wait ",
        "confidence: ",
        "confidence 0",
        "0.",
        "assistant:",
    ),
    *(
        "user:",
        "Ａ",
        "\ufeff",
        "选",
        "答案",
        "analysis",
        "## final response",
        "\t",
        "\r",
        "\x0b",
        '"answer": "',
        "\u2028",
    ),
]
BLANKS = [
    f"{head}{blank * 99_000}{tail}"
    for head in ("answer", "\\boxed{", "C", "```", "Final")
    for blank in " \t\n_"
    for tail in ("", "x")
]


def work(text: str) -> int:
    """Steps of the parser that Python counts: calls of functions, its own and built in."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        type_of(text)
        read_letters(text, {"1": ("ABCDE", TYPES)})
        read_confidence(text)
        read_open(text)
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_the_work_grows_with_the_length_and_not_with_its_square(piece: str) -> None:
    """Twice the text takes about twice the steps."""
    times = 2_000 // len(piece)
    once, twice = work(piece * times), work(piece * 2 * times)
    assert twice <= 2.3 * once + 300


@pytest.mark.parametrize("text", BLANKS, ids=lambda text: repr(text[:9] + text[-1]))
def test_long_gaps_are_read_to_the_end(text: str) -> None:
    assert type_of(text) in (None, "C")


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_the_longest_hostile_replies_are_read_to_the_end(piece: str) -> None:
    text = piece * (MAX_REPLY_CHARS // len(piece))
    assert type_of(text) in {None, *"ABCDE"}
    short = text[: MAX_REPLY_CHARS // 5]
    assert set(read_letters(short, {"1": ("ABCDE", TYPES)})) == {"1"}
    assert read_confidence(short) is None
    read_open(short)


def _repeats(parsed: Any, inside: bool = False) -> bool:
    """Whether a repetition without a bound holds another one."""
    for operation, argument in parsed:
        name = str(operation)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            unbounded = argument[1] > 1_000
            if (unbounded and inside) or _repeats(argument[2], inside or unbounded):
                return True
        elif name == "SUBPATTERN":
            if _repeats(argument[3], inside):
                return True
        elif name == "BRANCH":
            if any(_repeats(branch, inside) for branch in argument[1]):
                return True
        elif name in ("ASSERT", "ASSERT_NOT") and _repeats(argument[1], inside):
            return True
    return False


def test_no_pattern_repeats_a_repetition() -> None:
    modules = (
        parse_context,
        parse_marks,
        parse_markup,
        parse_open,
        parse_options,
        parse_several,
        parse_tail,
        parse_text,
    )
    patterns = [value for module in modules for value in vars(module).values() if isinstance(value, re.Pattern)]
    assert len(patterns) > 35
    parser = re._parser  # type: ignore[attr-defined]  # the standard library has no public name for it
    assert [pattern.pattern for pattern in patterns if _repeats(parser.parse(pattern.pattern, pattern.flags))] == []
    assert _repeats(parser.parse(r"(?:a+)+b"))


# --- several questions ---

ASKED = {"1": ("ABCDE", TYPES), "2": ("ABCDE", TYPES), "3": ("AB", BINARY)}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('{"answers": {"1": "C", "2": "D", "3": "B"}}', "CDB"),
        ('{"1": "C", "2": "D", "3": "B"}', "CDB"),
        ('```json\n{"answers": {"1": "C", "2": "D", "3": "B"}}\n```', "CDB"),
        ('<think>1: A</think>{"Q1": "C", "question_2": "D", "3": {"answer": "B", "confidence": 0.5}}', "CDB"),
        ('{"answers": [{"question": 1, "answer": "C"}, {"question": "2", "answer": "D"}]}', "CD-"),
        ("1. C\n2. D\n3. B", "CDB"),
        ("Q1: C\nQ2: (D)\nQ3: B. Healthy", "CDB"),
        ("1) **C**\n2) **D**\n3) **B**", "CDB"),
        ("**1.** C\n**2.** D\n**3.** B", "CDB"),
        ("Question 1: C. Metastasis\nQuestion 2: Ependymoma\nQuestion 3: Healthy", "CDB"),
        ("Question 1\nAnswer: C\n\nQuestion 2\nAnswer: D\n\nQuestion 3\nAnswer: B", "CDB"),
        ("1. C\nThe foci are many.\n2. D\n3. B", "CDB"),
        ("1: C\n3: B", "C-B"),
        ("1. C\n1. D\n2. D\n3. B", "-DB"),
        ("1. C\n1. C\n2. D\n3. B", "CDB"),
        ('{"1": "C", "1": "D", "2": "D", "3": "B"}', "-DB"),
        ('{"1": "C or D", "2": "D", "3": "E"}', "-D-"),
        ('{"1": null, "2": 4, "3": ["A"]}', "---"),
        ('{"1": "C", "2": "D", "3": "B", "4": "A", "17": "E"}', "CDB"),
        ("1. C\n2. D\n3. B\n4. A", "CDB"),
        ('{"1": "C"}\n{"1": "D", "2": "A"}', "-A-"),
        ("C\nD\nB", "---"),
        ("C, D, B", "---"),
        ("I cannot answer 1, 2 or 3.", "---"),
        ("1. I cannot determine\n2. e.g. unclear\n3. Unable to answer", "---"),
        ("<think>1. C\n2. D", "---"),
        ("", "---"),
    ],
)
def test_each_question_of_a_reply_is_read_for_itself(reply: str, expected: str) -> None:
    found = read_letters(reply, ASKED)
    assert list(found) == ["1", "2", "3"]
    assert "".join(letter or "-" for letter in found.values()) == expected


@given(
    st.lists(st.sampled_from("ABCDE-"), min_size=1, max_size=8), st.sampled_from(["{}. {}", "Q{}: {}", "{}) **{}**"])
)
def test_numbered_lines_are_read_back(letters: list[str], form: str) -> None:
    questions = {str(n): ("ABCDE", TYPES) for n in range(1, len(letters) + 1)}
    told = [form.format(n, letter) for n, letter in enumerate(letters, start=1) if letter != "-"]
    found = read_letters("\n".join(told), questions)
    assert list(found.values()) == [None if letter == "-" else letter for letter in letters]


@given(TEXTS)
def test_any_text_gives_offered_letters_or_nothing(text: str) -> None:
    found = read_letters(text, ASKED)
    assert list(found) == list(ASKED)
    assert all(letter is None or letter in ASKED[key][0] for key, letter in found.items())


# --- confidence and open answers ---


@pytest.mark.parametrize(
    ("reply", "share"),
    [
        ('{"answer": "C", "confidence": 0.8}', 0.8),
        ('{"answer": "C", "confidence": "80%"}', 0.8),
        ('{"answer": "C", "confidence": 80}', 0.8),
        ('{"answer": "C", "confidence": 0}', 0.0),
        ('{"answer": "C", "confidence": 1}', 1.0),
        ("Answer: C\nConfidence: 0.75", 0.75),
        ("Answer: C\n**Confidence:** 75%", 0.75),
        ("C (confidence: 75 percent)", 0.75),
        ("Confidence level: 3/5", 0.6),
        ("<think>Confidence: 10%</think>Confidence: 90%", 0.9),
        ("Confidence: 90%\nConfidence: 0.9", 0.9),
        ("Confidence: 90%\nConfidence: 80%", None),
        ("Confidence: 7", None),
        ("Confidence: 130%", None),
        ("Confidence: 9/5", None),
        ("Confidence: 5/0", None),
        ("Confidence: high", None),
        ("Confidence: 0.8.1", None),
        ("Confidence: 1234", None),
        ("95% of such tumors are benign. Answer: C", None),
        ('{"answer": "C", "confidence": true}', None),
        ('{"answer": "C", "confidence": NaN}', None),
        ('{"answer": "C", "confidence": -0.1}', None),
        ('{"answer": "C", "confidence": null}', None),
        ("C", None),
        ("", None),
    ],
)
def test_a_confidence_is_read_where_its_scale_is_known(reply: str, share: float | None) -> None:
    assert read_confidence(reply) == share


@given(TEXTS)
def test_a_confidence_is_a_share_or_nothing(text: str) -> None:
    for reply in (text, f"Confidence: {text}", f'{{"confidence": {text}}}'):
        share = read_confidence(reply)
        assert share is None or 0 <= share <= 1


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("A ring-enhancing mass.", "A ring-enhancing mass."),
        ("  A mass.\n\nWith edema. ", "A mass.\n\nWith edema."),
        ('{"answer": "A mass."}', "A mass."),
        ('{"answer": "A mass."}\nI hope this helps.', "A mass."),
        ('Here it is: {"answer": "A mass."}', "A mass."),
        ('{"answer": "A mass\nwith edema."}', "A mass\nwith edema."),
        ('{"answer": "A mass."}\n{"answer": "A mass."}', "A mass."),
        ('```json\n{"answer": "A mass."}\n```\nLet me know.', "A mass."),
        ('{"answer": "A mass."}\n{"answer": "A cyst."}', None),
        ('{"answer": "A mass."}\n{"answer": 3}', None),
        ('```json\n{"answer": "A ma', None),
        ("A mass {see below}.", "A mass {see below}."),
        ('```json\n{"answer": "A mass."}\n```', "A mass."),
        ('<think>no edema</think>\n{"answer": "A mass."}', "A mass."),
        ("<think>no edema</think>A mass.<|im_end|>", "A mass."),
        ("**Answer:** A mass.", "A mass."),
        ("<answer>A mass.</answer>", "A mass."),
        ("The answer is not clear.", "The answer is not clear."),
        ("Ｆull width stays", "Ｆull width stays"),
        ("<think>A mass", None),
        ('{"answer": "A ma', None),
        ('{"answer": ""}', None),
        ('{"answer": null}', None),
        ('{"answer": "A", "answer": "B"}', None),
        ('{"text": "A mass."}', None),
        ("", None),
        (" \n", None),
        ("<think>x</think>", None),
    ],
)
def test_an_open_answer_is_the_text_without_thoughts(reply: str, answer: str | None) -> None:
    assert read_open(reply) == answer


# --- the published options ---


@pytest.mark.skipif(not UPSTREAM.is_dir(), reason="the published benchmark is not here")
def test_every_published_option_is_read_by_its_letter_and_by_its_text() -> None:
    items = read_closed(UPSTREAM / "mm-neuroonco_benchmark_closed_v1.0.json").records
    offers = {tuple((option.letter, option.text) for option in item.options) for item in items}
    by_text: Counter[str] = Counter()
    for offer in offers:
        texts = dict(offer)
        for letter, text in offer:
            for form in (f'{{"answer": "{letter}"}}', f"{letter}. {text}", f"The correct answer is {letter}) {text}."):
                assert read_letter(form, tuple(texts), texts) == letter
            told = read_letter(text, tuple(texts), texts)
            by_text["right" if told == letter else "wrong" if told else "none"] += 1
    assert by_text["wrong"] == 0
    assert by_text["none"] == 2 * TWICE_OFFERED
