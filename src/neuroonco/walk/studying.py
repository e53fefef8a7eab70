"""A study of what pictures taught: train with and without them, ask all models the same, and say what remains.

Every part is skipped where it is whole on disk, so that a study that was killed goes on where it was.
"""

import gc
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from neuroonco import __version__, store
from neuroonco.build.interop import read_closed
from neuroonco.build.records import ClosedItem
from neuroonco.errors import InputError, UsageError
from neuroonco.held_folders import held
from neuroonco.models.local_libraries import import_extra
from neuroonco.predict.askable import require_askable
from neuroonco.predict.records import QuestionKind
from neuroonco.predict.run_files import RunFiles, benchmark_hash, kind_of_benchmark
from neuroonco.report.study import render_study
from neuroonco.report.study_records import LeakCheck, Study
from neuroonco.report.study_words import headline
from neuroonco.score.closed.judge import counted
from neuroonco.train.finished import TRAINING, read_trained
from neuroonco.train.fit import fit
from neuroonco.train.plan import Planned, plan_training, processes, require_possible
from neuroonco.train.records import Pictures, Trained
from neuroonco.walk.study_asking import ask_part
from neuroonco.walk.study_contrasts import answers_of, mean_of_seeds, seed_study
from neuroonco.walk.study_leaks import require_no_leaks
from neuroonco.walk.study_models import merge_all
from neuroonco.walk.study_parts import (
    BEGUN,
    PAGE,
    PARTS,
    STUDY,
    AskedStudy,
    BegunStudy,
    begun_of,
    require_own,
    require_several,
)
from neuroonco.walk.study_pictures import BenchmarkPictures, read_all, require_readable

Say = Callable[[str], None]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ReadyStudy:
    """A study that may begin.

    Attributes:
        items: the questions. unreadable: questions that could not be read.
        seeds: of the trainings.
        begun: what the folder is of.
        planned: the training with real pictures and the first seed; None where nobody asked.
        leaks: what was compared.
        pictures: of the benchmark, and which of them cannot be read.
    """

    asked: AskedStudy
    items: list[ClosedItem]
    unreadable: int
    seeds: tuple[int, ...]
    begun: BegunStudy
    planned: Planned | None
    leaks: LeakCheck
    pictures: BenchmarkPictures

    @property
    def left(self) -> tuple[str, ...]:
        """What is still to do, one part a line."""
        asked = self.asked
        found = []
        for seed in self.seeds:
            trained = [p for p in Pictures if not (asked.training(p, seed) / TRAINING).exists()]
            found += [f"train with {pictures.value} pictures, seed {seed}" for pictures in trained]
            runs = [part for part in PARTS if not RunFiles.at(asked.predictions(part, seed)).run.exists()]
            found += [f"ask {asked.predictions(part, seed).name}" for part in runs]
        return tuple(dict.fromkeys(found))

    @property
    def warning(self) -> str | None:
        """What keeps the study from stating anything, before a step is trained; None where nothing does."""
        if not (number := len(self.pictures.unread)):
            return None
        what = f"{number} of the benchmark's {self.pictures.number} pictures cannot be read"
        return f"WARNING: {what}: their questions cannot be asked, and nothing will be stated until they are there"


def ready(asked: AskedStudy, *, with_plan: bool = False) -> ReadyStudy:
    """Read what a study is made of, and refuse what cannot come to an end or would tell nothing.

    Args:
        asked: what is asked for.
        with_plan: plan the first training, also where it is done; else each is planned when its turn comes.

    Raises:
        InputError: the benchmark's pictures are trained on (counted), or cannot be read (counted; unless missing ones
            are allowed), the folder is of something else, or a file cannot be used.
        UsageError, PrerequisiteError: see :func:`neuroonco.train.plan.plan_training`.
    """
    if processes(os.environ) > 1:
        what, fix = "several processes, and a study trains in one", "start it without accelerate launch or torchrun"
        raise UsageError("STUDY_PROCESSES", what, fix=fix)
    if kind_of_benchmark(asked.benchmark) is not QuestionKind.CLOSED:
        what, fix = "a study asks closed questions", "pass a closed benchmark"
        raise InputError("BENCHMARK_OPEN", what, where=asked.benchmark.name, fix=fix)
    loaded = read_closed(asked.benchmark)
    require_several(loaded.records, asked.benchmark.name)
    require_askable(loaded.records)
    found = asked.found(Pictures.REAL)
    begun = begun_of(asked, found, loaded.records)
    require_own(asked.out, begun)
    leaks = require_no_leaks(asked.benchmark, asked.benchmark_root, found.files, found.root)
    pictures = read_all(loaded.records, asked.benchmark_root)
    if not asked.allow_missing:
        require_readable(pictures, asked.benchmark.name)
    first = found.recipe.optimization.seed
    planned = None
    if with_plan:
        planned = plan_training(found, skip_bad=asked.skip_bad)
        require_possible(planned, skip_bad=asked.skip_bad)
    seeds = tuple(first + number for number in range(asked.seeds))
    return ReadyStudy(asked, loaded.records, len(loaded.unreadable), seeds, begun, planned, leaks, pictures)


def study(
    study_of: ReadyStudy,
    *,
    say: Say = lambda _line: None,
    progress: Progress = lambda _what, _done, _total: None,
) -> Study:
    """Train, merge, ask, compare and write; what is whole is not done again.

    Args:
        study_of: see :func:`ready`.
        say: is given a line on each part that is done.
        progress: told of what, how much is done, and of how much.

    Raises:
        InputError, PrerequisiteError, ProviderError: a part failed; the same command goes on from there.
    """
    asked = study_of.asked
    busy = InputError("OUT_BUSY", "another process works on this study", where=asked.out.name, fix="wait for it")
    with held(asked.out, busy):
        store.write_json(asked.out / BEGUN, study_of.begun.model_dump(mode="json"))
        if (warning := study_of.warning) is not None:
            say(warning)
        trained = {seed: _train(study_of, seed, say, progress) for seed in study_of.seeds}
        _require_same(trained)
        for seed in study_of.seeds:
            merge_all(asked, seed, say, _let_go)
            for part in PARTS:
                ask_part(asked, study_of.items, study_of.unreadable, part, seed, say, progress)
                _let_go()
        return _write(study_of, trained)


# --- parts ---


def _train(study_of: ReadyStudy, seed: int, say: Say, progress: Progress) -> dict[Pictures, Trained]:
    """The three trainings of a seed; a finished one is read, and must be of this recipe."""
    asked = study_of.asked
    done = {}
    for pictures in Pictures:
        found, folder = asked.found(pictures, seed), asked.training(pictures, seed)
        if (folder / TRAINING).exists():
            done[pictures] = read_trained(folder)
            if done[pictures].recipe_sha256 != found.sha256:
                what, fix = "a training of another recipe is there", "choose another --out"
                raise InputError("STUDY_EXISTS", what, where=folder.name, fix=fix)
            continue
        what = f"training with {pictures.value} pictures, seed {seed}"
        planned = plan_training(found, skip_bad=asked.skip_bad)
        require_possible(planned, skip_bad=asked.skip_bad)
        say(f"{what}: {planned.plan.steps} steps on {planned.plan.data.train_rows} rows")
        done[pictures] = fit(planned, folder, progress=partial(progress, what), tell=say)
        del planned
        _let_go()
    return done


def _require_same(trained: dict[int, dict[Pictures, Trained]]) -> None:
    """Refuse trainings that differ in more than pictures and seed: a base or data changed between two of them."""
    every = [one for of_seed in trained.values() for one in of_seed.values()]
    for name in ("base", "data_sha256", "rows", "held_out_rows", "steps"):
        if len({getattr(one, name) for one in every}) > 1:
            what = f"the trainings were not made with the same {name.removesuffix('_sha256').replace('_', ' ')}"
            raise InputError("STUDY_MIXED", what, fix="begin again with another --out")


def _write(study_of: ReadyStudy, trained: dict[int, dict[Pictures, Trained]]) -> Study:
    asked, items = study_of.asked, study_of.items
    answers = {seed: answers_of(asked, seed) for seed in study_of.seeds}
    scored = [seed_study(asked, items, seed, trained[seed], answers[seed]) for seed in study_of.seeds]
    seeds, base = tuple(found for found, _ in scored), scored[0][1]
    mean = mean_of_seeds(items, list(answers.values()), resamples=asked.resamples) if len(seeds) > 1 else None
    own = counted(items)
    first = trained[study_of.seeds[0]][Pictures.REAL]
    found = Study(
        recipe=first.recipe.name,
        base=first.base,
        benchmark=asked.benchmark.name,
        benchmark_sha256=benchmark_hash(items),
        questions=len(own),
        images=len({item.image_id for item in own}),
        unreadable=study_of.unreadable,
        chance=base.chance,
        chance_by_type=base.chance_by_type,
        clusters=base.clusters,
        scoring=asked.scoring,
        form=asked.form,
        max_tokens=asked.max_tokens,
        leaks=study_of.leaks,
        seeds=seeds,
        mean=mean,
        headline=headline(seeds, mean),
        complete=not study_of.unreadable and all(run.complete for one in seeds for run in one.runs),
        version=__version__,
    )
    store.write_text(asked.out / PAGE, render_study(found))
    store.write_json(asked.out / STUDY, found.model_dump(mode="json"))
    return found


def _let_go() -> None:
    """Give memory of a model back that nobody holds any more: the next one takes its place."""
    gc.collect()
    torch = import_extra("torch")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
