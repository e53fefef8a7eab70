"""Records of a study of what pictures taught: all that ``study.json`` holds and its page shows."""

from enum import StrEnum

from neuroonco.intervals import Estimate
from neuroonco.outcomes import Record
from neuroonco.predict.records import PictureMode, PromptForm, Scoring
from neuroonco.score.closed.records import Clusters, Difference, Pair
from neuroonco.train.records import Pictures, Trained


class StudyRole(StrEnum):
    """Who is asked, by what it was trained with and what it is asked with; ``tuned`` alone means the real pictures."""

    BASE = "base"
    TUNED = "tuned"
    BLANK_ON_BLANK = "blank-tuned-on-blank"
    BLANK_ON_REAL = "blank-tuned-on-real"
    SHUFFLED_ON_REAL = "shuffled-tuned-on-real"
    TUNED_ON_BLANK = "tuned-on-blank"


class Finding(StrEnum):
    """What a study can say of its first seed.

    ``pictures``: training added accuracy, and part of it remains over the text alone, in whichever way that model is
    asked. ``text``: training added accuracy, and it is not shown that any of it remains. ``nothing``: it is not shown
    that training added any.
    ``worse``: training took some away. ``incomplete``: not all questions were put to all models.
    """

    PICTURES = "pictures"
    TEXT = "text"
    NOTHING = "nothing"
    WORSE = "worse"
    INCOMPLETE = "incomplete"


class CurvePoint(Record):
    """What was logged after one step of the optimizer; losses in nats a learned token, None where not logged."""

    step: int
    loss: float | None
    held_out_loss: float | None


class StudyTraining(Record):
    """One of the trainings.

    Attributes:
        folder: of the training, in the study's.
        model: folder of the merged model, in the study's.
        curve: by step.
    """

    pictures: Pictures
    folder: str
    model: str
    trained: Trained
    curve: tuple[CurvePoint, ...]


class StudyRun(Record):
    """One model put to the benchmark.

    Attributes:
        folder: of the predictions, in the study's; ``report compare`` and ``score`` take it.
        model: as in the predictions.
        trained_on: None for the base.
        asked_with: pictures of the questions.
        predictions_sha256: of the file of predictions.
        accuracy, macro_by_type, by_type: see :class:`neuroonco.score.closed.records.Score`.
        status: questions by what became of them.
        letters: answers by their letter, in the order of letters.
        complete: every question was put to the model and came back.
    """

    role: StudyRole
    folder: str
    model: str
    trained_on: Pictures | None
    asked_with: PictureMode
    predictions_sha256: str
    accuracy: Estimate
    macro_by_type: Estimate
    by_type: dict[str, Estimate]
    status: dict[str, int]
    letters: dict[str, int]
    complete: bool


class Contrast(Record):
    """Two of the runs on the same questions.

    Attributes:
        pair: first minus second, with interval and tests; ``holm_p`` is corrected for the ``tests`` of its family.
        is_prespecified: one of the three that the study is made for; the others explain them, and are corrected apart.
        tests: contrasts of its family.
        by_type: the difference among questions of one reported type; not corrected.
    """

    first: StudyRole
    second: StudyRole
    pair: Pair
    is_prespecified: bool
    tests: int
    by_type: dict[str, Difference]


class StatedGain(Record):
    """What a seed's runs come to.

    Attributes:
        added: tuned minus base.
        text_alone: who says the most that text alone gives: the better of the model trained without pictures, asked
            without and with them.
        remaining: tuned minus that, the smaller of the two gains.
        sentence: in words; nothing is claimed where an interval holds 0.
    """

    finding: Finding
    added: Difference
    text_alone: StudyRole
    remaining: Difference
    sentence: str


class SeedStudy(Record):
    """All of one seed: three trainings, six runs, and their contrasts."""

    seed: int
    trainings: tuple[StudyTraining, ...]
    runs: tuple[StudyRun, ...]
    contrasts: tuple[Contrast, ...]
    stated: StatedGain


class MeanOfSeeds(Record):
    """Differences of accuracies that are means over the seeds.

    Intervals draw images or groups anew, each with its answers of all seeds; the seeds are taken as they are, so that
    they say nothing of a seed that was not trained.

    Attributes:
        added: tuned minus base.
        text_alone: who says the most that text alone gives, by the mean.
        remaining: tuned minus that.
        over_others: tuned minus the model that was trained with others' pictures.
    """

    added: Difference
    text_alone: StudyRole
    remaining: Difference
    over_others: Difference


class LeakCheck(Record):
    """Pictures of the benchmark and of the training, compared before the first step; a shared one refuses the study.

    Attributes:
        benchmark, training: different pictures.
        by_path: whether paths were compared too: they say something under one root only.
        not_compared: pictures of the benchmark that could not be read, so that nobody knows.
    """

    benchmark: int
    training: int
    by_path: bool
    not_compared: int


class Study(Record):
    """A study; ``study.json`` of its folder.

    Attributes:
        recipe: its name.
        base: ``local:LABEL@FINGERPRINT`` of the model that was trained; asked is a copy with pixel limits as trained.
        benchmark: name of its file. benchmark_sha256: of its questions.
        questions: that count; twins do not. images: that they are about.
        unreadable: questions that nobody was asked.
        chance: the best expected accuracy without a look at the picture; chance_by_type: by reported type.
        max_tokens: limit of a written answer.
        seeds: the first one is the one that headline and figures state.
        mean: over the seeds; None where there is one.
        headline: the sentences of the first seed, and how the others agree.
        complete: every question was put to every model.
        version: of neuroonco.
    """

    recipe: str
    base: str
    benchmark: str
    benchmark_sha256: str
    questions: int
    images: int
    unreadable: int
    chance: float | None
    chance_by_type: dict[str, float]
    clusters: Clusters
    scoring: Scoring
    form: PromptForm
    max_tokens: int
    leaks: LeakCheck
    seeds: tuple[SeedStudy, ...]
    mean: MeanOfSeeds | None
    headline: str
    complete: bool
    version: str
