"""What a study consists of: who is trained on what and asked with what, and where each of it lies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from neuroonco import store
from neuroonco.build.records import ClosedItem
from neuroonco.errors import InputError, UsageError
from neuroonco.outcomes import Record
from neuroonco.predict.ask import QuestionBrief
from neuroonco.predict.records import PictureMode, PromptForm, Scoring
from neuroonco.predict.run_files import benchmark_hash
from neuroonco.report.study_records import StudyRole
from neuroonco.resampling import RESAMPLES
from neuroonco.train.recipe import FoundRecipe, found_recipe
from neuroonco.train.records import Pictures

BEGUN, STUDY, PAGE = "begun.json", "study.json", "study.html"
TRAININGS, MODELS, PREDICTIONS = "trainings", "models", "predictions"
TUNED = {Pictures.REAL: "tuned", Pictures.BLANK: "blank-tuned", Pictures.SHUFFLED: "shuffled-tuned"}
"""Names of the tuned models, by what they were shown; a model is known by the name of its folder."""
BASE = "base"
OWN_FIELD = "data.pictures"
"""The field of a recipe that a study sets itself."""


@dataclass(frozen=True)
class Part:
    """One of the runs.

    Attributes:
        trained_on: None for the base.
        asked_with: pictures of the questions.
    """

    role: StudyRole
    trained_on: Pictures | None
    asked_with: PictureMode


PARTS = (
    Part(StudyRole.BASE, None, PictureMode.TRUE),
    Part(StudyRole.TUNED, Pictures.REAL, PictureMode.TRUE),
    Part(StudyRole.BLANK_ON_BLANK, Pictures.BLANK, PictureMode.BLANK),
    Part(StudyRole.BLANK_ON_REAL, Pictures.BLANK, PictureMode.TRUE),
    Part(StudyRole.SHUFFLED_ON_REAL, Pictures.SHUFFLED, PictureMode.TRUE),
    Part(StudyRole.TUNED_ON_BLANK, Pictures.REAL, PictureMode.BLANK),
)


@dataclass(frozen=True)
class AskedStudy:
    """What a study is made of.

    Attributes:
        recipe: file, or name of a shipped one.
        data, root: in place of the recipe's; empty and None leave them.
        benchmark: closed questions. benchmark_root: folder of their pictures.
        out: folder of the study.
        model: base model in place of the recipe's.
        seeds: trainings are repeated with as many seeds, the recipe's and those that follow it.
        max_tokens: limit of a written answer.
        batch_size: questions that a model answers together; device: None takes the recipe's.
        skip_bad: rows that cannot be trained on are left out.
        changes: values of fields of the recipe, by name; :data:`OWN_FIELD` is the study's own.
        allow_missing: go on where pictures of the benchmark cannot be read; the study is then incomplete.
        resamples: behind each interval and test.
    """

    recipe: str
    benchmark: Path
    benchmark_root: Path
    out: Path
    data: tuple[Path, ...] = ()
    root: Path | None = None
    model: str | None = None
    scoring: Scoring = Scoring.LIKELIHOOD
    form: PromptForm = PromptForm.INSTRUCTION
    seeds: int = 1
    max_tokens: int = 64
    batch_size: int = 8
    device: str | None = None
    skip_bad: bool = False
    changes: Mapping[str, object] = field(default_factory=dict)
    allow_missing: bool = False
    resamples: int = RESAMPLES

    @property
    def brief(self) -> QuestionBrief:
        """How questions are put."""
        return QuestionBrief(scoring=self.scoring, max_tokens=self.max_tokens, form=self.form)

    def found(self, pictures: Pictures, seed: int | None = None) -> FoundRecipe:
        """The recipe as one of the trainings has it; without a seed with its own.

        Raises:
            InputError, UsageError: see :func:`neuroonco.train.recipe.found_recipe`; what the models are shown is
                set from outside.
        """
        if OWN_FIELD in self.changes:
            what, fix = f"{OWN_FIELD} is what the trainings of a study differ in", "leave it out"
            raise UsageError("SET_REFUSED", what, where="--set", fix=fix)
        changes: dict[str, object] = {**self.changes, OWN_FIELD: pictures.value}
        if self.model is not None:
            changes["model.base"] = self.model
        if seed is not None:
            changes["optimization.seed"] = seed
        return found_recipe(self.recipe, data=self.data, root=self.root, changes=changes)

    def training(self, pictures: Pictures, seed: int) -> Path:
        """Folder of a training."""
        return self.out / TRAININGS / f"{pictures.value}-{seed}"

    def model_folder(self, trained_on: Pictures | None, seed: int) -> Path:
        """Folder of a model that is asked; there is one base, whatever the seed."""
        return self.out / MODELS / (BASE if trained_on is None else f"{TUNED[trained_on]}-{seed}")

    def predictions(self, part: Part, seed: int) -> Path:
        """Folder of a run."""
        name = part.role.value if part.trained_on is None else f"{part.role.value}-{seed}"
        return self.out / PREDICTIONS / name


class BegunStudy(Record):
    """What a folder is a study of; more seeds may be added later.

    Attributes:
        recipe_sha256: of the first seed with real pictures.
        data: (name, sha256) of each file.
    """

    recipe_sha256: str
    data: tuple[tuple[str, str], ...]
    benchmark_sha256: str
    scoring: Scoring
    form: PromptForm
    max_tokens: int


def begun_of(asked: AskedStudy, found: FoundRecipe, items: Sequence[ClosedItem]) -> BegunStudy:
    """What the folder of these is a study of."""
    return BegunStudy(
        recipe_sha256=found.sha256,
        data=tuple((file.name, store.sha256_file(file)) for file in found.files),
        benchmark_sha256=benchmark_hash(items),
        scoring=asked.scoring,
        form=asked.form,
        max_tokens=asked.max_tokens,
    )


def require_own(out: Path, wanted: BegunStudy) -> bool:
    """Refuse a folder of something else before anything is written.

    Returns:
        Whether this study was begun there.

    Raises:
        InputError: it holds another study (says in what), or something else.
    """
    path, fix = out / BEGUN, "choose another --out"
    if not path.exists():
        # Trainings that were made elsewhere may lie there already; each is looked at before it counts as done.
        known = out.is_dir() and all(e.name.startswith(".") or e.name == TRAININGS for e in out.iterdir())
        if out.exists() and not known:
            raise InputError("OUT_TAKEN", "something else than a study is there", where=out.name, fix=fix)
        return False
    try:
        there = BegunStudy.model_validate(store.read_json(path))
    except ValidationError:
        raise InputError("STUDY_BROKEN", "written by another version", where=f"{out.name}/{BEGUN}", fix=fix) from None
    names = [name for name in BegunStudy.model_fields if getattr(there, name) != getattr(wanted, name)]
    if names:
        what = f"another study is there: {', '.join(name.removesuffix('_sha256') for name in names)} differ"
        raise InputError("STUDY_EXISTS", what, where=out.name, fix=fix)
    return True


def require_several(items: Sequence[ClosedItem], where: str) -> None:
    """Refuse a benchmark that can tell nothing.

    Raises:
        InputError: no question.
        UsageError: one picture, so that nothing can be resampled.
    """
    if not items:
        raise InputError("BENCHMARK_EMPTY", "no question in this file", where=where, fix="pass a closed benchmark")
    if len({item.image_id for item in items}) < 2:
        what, fix = "questions about one picture only tell of nothing else", "pass a benchmark of several pictures"
        raise UsageError("BENCHMARK_ONE_IMAGE", what, where=where, fix=fix)
