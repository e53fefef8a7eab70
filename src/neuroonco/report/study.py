"""Render a study of what pictures taught as one HTML page that needs nothing else."""

from functools import cache
from importlib.resources import files

from jinja2 import Environment
from markupsafe import Markup

from neuroonco.predict.records import PictureMode
from neuroonco.report import comparison_charts, study_charts
from neuroonco.report.comparison import p_text, points, points_bounds, status_name
from neuroonco.report.page import environment
from neuroonco.report.questions import bare_bounds
from neuroonco.report.study_records import Contrast, Finding, SeedStudy, Study, StudyRole, StudyRun
from neuroonco.report.study_words import is_clear, only_letter, unread_replies
from neuroonco.train.records import Pictures

STYLES = ("page.css", "comparison.css")
NAMES = {
    StudyRole.BASE: "Base model",
    StudyRole.TUNED: "Tuned",
    StudyRole.BLANK_ON_BLANK: "Tuned without pictures, asked without",
    StudyRole.BLANK_ON_REAL: "Tuned without pictures, asked with them",
    StudyRole.SHUFFLED_ON_REAL: "Tuned with other images' pictures",
    StudyRole.TUNED_ON_BLANK: "Tuned, asked without pictures",
}
MEANINGS = {
    StudyRole.BASE: "what training added, whatever it came from",
    StudyRole.BLANK_ON_BLANK: "what remains over the most that text alone gives: the same text, a gray picture",
    StudyRole.SHUFFLED_ON_REAL: "what remains over pictures that do not belong to their questions",
    StudyRole.BLANK_ON_REAL: "the same text, a gray picture in training, the true one when asked",
    StudyRole.TUNED_ON_BLANK: "what the tuned model loses when its pictures are taken away",
}
FINDINGS = {
    Finding.PICTURES: "Pictures taught something",
    Finding.TEXT: "Not shown that pictures taught anything",
    Finding.NOTHING: "Not shown that training added anything",
    Finding.WORSE: "Training made it worse",
    Finding.INCOMPLETE: "Incomplete",
}
TRAINED = {Pictures.REAL: "their own pictures", Pictures.BLANK: "gray pictures", Pictures.SHUFFLED: "others' pictures"}
ASKED = {
    PictureMode.TRUE: "own pictures",
    PictureMode.BLANK: "gray pictures",
    PictureMode.NONE: "no pictures",
    PictureMode.SHUFFLED: "others' pictures",
}


def render_study(study: Study) -> str:
    """The page; the same study gives the same bytes.

    Text from data and models is escaped, and the page forbids the browser to load anything from elsewhere.
    """
    return _environment().get_template("study.html").render(s=study, one=study.seeds[0], style=_style())


def title(study: Study) -> str:
    """What was found, and in how many of the seeds where these do not agree."""
    first = study.seeds[0].stated.finding
    same = sum(seed.stated.finding is first for seed in study.seeds)
    if same == len(study.seeds):
        return FINDINGS[first]
    said = FINDINGS[first]
    return f"The seeds do not agree: {said[0].lower()}{said[1:]} in {same} of {len(study.seeds)}"


def warnings_of(study: Study) -> list[str]:
    """What a reader has to know before the figures, one line each."""
    found = []
    if any(not run.complete for seed in study.seeds for run in seed.runs):
        found.append("Incomplete: not every question was put to every model.")
    if study.unreadable:
        found.append(
            f"Incomplete: {study.unreadable:,} questions of the benchmark's file cannot be read. Nobody was asked "
            "them, and no figure holds them."
        )
    if study.leaks.not_compared:
        found.append(
            f"{study.leaks.not_compared:,} pictures of the benchmark could not be read, so that nobody knows whether "
            "they were trained on."
        )
    base = study.seeds[0].runs[0]
    for seed in study.seeds:
        of = f" (seed {seed.seed})" if len(study.seeds) > 1 else ""
        for run in seed.runs:
            if run.role is base.role and seed is not study.seeds[0]:
                continue  # one base, asked once
            name = NAMES[run.role] + ("" if run.role is base.role else of)
            if unread := unread_replies(run):
                found.append(
                    f"{name}: no readable answer to {unread:,} of {run.accuracy.n:,} questions, which count as wrong. "
                    "A difference from it can be one of form, not of knowledge; --scoring likelihood needs no form."
                )
            if (letter := only_letter(run)) is not None:
                found.append(
                    f"{name}: every answer is {letter} (n = {run.letters[letter]:,}), whatever is asked. Its accuracy "
                    "is how often that letter is right."
                )
    return found


def types_of(seed: SeedStudy) -> list[str]:
    """Reported types that have questions, in the order of reports."""
    return list(seed.contrasts[0].by_type)


def run_of(seed: SeedStudy, role: StudyRole) -> StudyRun:
    """The run of a role."""
    return next(run for run in seed.runs if run.role is role)


def contrast_with(seed: SeedStudy, role: StudyRole) -> Contrast:
    """The tuned model against a role."""
    return next(contrast for contrast in seed.contrasts if contrast.second is role)


def verdict(contrast: Contrast) -> str:
    """What a contrast tells, in words."""
    if contrast.pair.holm_p is None:
        return "no test"
    return "differ" if is_clear(contrast.pair) else "not told apart"


def _style() -> Markup:
    return Markup("".join(files("neuroonco.report").joinpath(f).read_text("utf-8") for f in STYLES))  # noqa: S704 - our own files


@cache
def _environment() -> Environment:
    made = environment().overlay()
    made.filters = dict(environment().filters) | {
        "bare_bounds": bare_bounds,
        "points": points,
        "points_bounds": points_bounds,
        "p_text": p_text,
        "status_name": status_name,
    }
    made.globals = dict(environment().globals) | {
        "plots": comparison_charts,
        "curves": study_charts.curves,
        "names": NAMES,
        "meanings": MEANINGS,
        "findings": FINDINGS,
        "trained_words": TRAINED,
        "asked_words": ASKED,
        "roles": StudyRole,
        "title": title,
        "warnings_of": warnings_of,
        "types_of": types_of,
        "run_of": run_of,
        "contrast_with": contrast_with,
        "verdict": verdict,
    }
    return made
