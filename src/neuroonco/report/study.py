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
from neuroonco.report.study_words import (
    WIDENED,
    is_clear,
    is_widened,
    only_letter,
    unanswered_advice,
    unread_replies,
    widened_note,
)
from neuroonco.score.closed.records import Difference
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
    if (advice := unanswered_advice([run for seed in study.seeds for run in seed.runs])) is not None:
        found.append(f"Incomplete: not every question was put to every model; {advice}.")
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


def stated_differences(study: Study) -> list[Difference]:
    """The differences of the cards and of the table of seeds."""
    seeds = [seed for seed in study.seeds if seed.stated.finding is not Finding.INCOMPLETE]
    found = [one for seed in seeds for one in (seed.stated.added, seed.stated.remaining)]
    if len(study.seeds) > 1:
        found += [contrast_with(seed, StudyRole.SHUFFLED_ON_REAL).pair.difference for seed in seeds]
    if (mean := study.mean) is not None and len(seeds) == len(study.seeds):
        found += [mean.added, mean.remaining, mean.over_others]
    return found


def shown_by_type(seed: SeedStudy) -> list[Difference]:
    """The differences of the table by type."""
    shown = (StudyRole.BASE, seed.stated.text_alone, StudyRole.SHUFFLED_ON_REAL)
    return [one for role in shown for one in contrast_with(seed, role).by_type.values()]


def run_of(seed: SeedStudy, role: StudyRole) -> StudyRun:
    """The run of a role."""
    return next(run for run in seed.runs if run.role is role)


def contrast_with(seed: SeedStudy, role: StudyRole) -> Contrast:
    """The tuned model against a role."""
    return next(contrast for contrast in seed.contrasts if contrast.second is role)


def marked_bounds(difference: Difference) -> str:
    """The interval of a difference, with a mark where it is not that of the bootstrap."""
    return points_bounds(difference) + (WIDENED if is_widened(difference) else "")


def unit_of(study: Study) -> str:
    """What intervals draw anew."""
    return "groups of patients or copies" if study.clusters.unit == "group" else "images"


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
        "marked_bounds": marked_bounds,
        "p_text": p_text,
        "status_name": status_name,
    }
    made.globals = dict(environment().globals) | {
        "plots": comparison_charts,
        "curves": study_charts.curves,
        "curve_key": study_charts.curve_key,
        "unit_of": unit_of,
        "widened_note": widened_note,
        "names": NAMES,
        "meanings": MEANINGS,
        "findings": FINDINGS,
        "trained_words": TRAINED,
        "asked_words": ASKED,
        "roles": StudyRole,
        "title": title,
        "warnings_of": warnings_of,
        "types_of": types_of,
        "shown_by_type": shown_by_type,
        "stated_differences": stated_differences,
        "run_of": run_of,
        "contrast_with": contrast_with,
        "verdict": verdict,
    }
    return made
