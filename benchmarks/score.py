"""How long a closed score takes with 10,000 resamples behind every interval, and how much memory.

    python benchmarks/score.py [--benchmark FILE] [--resamples 10000] [--naive 100] [--seed 1]

Without --benchmark it scores the published benchmark where ../shared/upstream has it, and otherwise 3,190 questions
about 1,000 images made here. The model is made up: it has probabilities for its letters, is right a little more often
than chance, and answers three times with its options in other orders, so that every part of the score has work.

Beside it a plain loop computes four of the figures (accuracy, mean of types, rejection recall, false rejections) by
drawing images and counting their questions once a resample; it makes --naive resamples and is scaled to as many.
"""

import argparse
import random
import resource
import time
from math import log
from pathlib import Path

from neuroonco.build.interop import read_closed
from neuroonco.build.records import NONE_OF_THE_ABOVE, ClosedItem, Option
from neuroonco.predict.records import LetterLogprob, Prediction
from neuroonco.score.closed.judge import Judged, judge
from neuroonco.score.closed.records import Score
from neuroonco.score.closed.score import score_closed
from neuroonco.vocabulary import PredictionStatus, QuestionType

PUBLISHED = Path(__file__).parents[2] / "shared/upstream/mm-neuroonco_benchmark_closed_v1.0.json"
IMAGES, QUESTIONS = 1000, 3190
TYPES = (QuestionType.DIAGNOSIS, QuestionType.MODALITY, QuestionType.SHAPE, QuestionType.SIZE)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--benchmark", type=Path, help="closed benchmark to score answers to")
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--naive", type=int, default=100, help="resamples of the plain loop")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    path = arguments.benchmark or (PUBLISHED if PUBLISHED.exists() else None)
    items = made_up(arguments.seed) if path is None else read_closed(path).records
    images = len({item.image_id for item in items})
    print(f"{len(items)} questions about {images} images, from {'this file' if path is None else path.name}")
    runs = [answers(items, arguments.seed + run) for run in range(3)]
    before = peak_mib()
    for resamples in (0, arguments.resamples):
        started, before_cpu = time.perf_counter(), time.process_time()
        score = score_closed(items, runs[0], resamples=resamples, seed=arguments.seed, permuted=runs[1:])
        wall, cpu = time.perf_counter() - started, time.process_time() - before_cpu
        print(
            f"score with {resamples} resamples: {wall:.2f} s ({cpu:.2f} s CPU), {figures(score)} figures with intervals"
        )
    print(f"peak memory {peak_mib():.0f} MiB, {before:.0f} MiB before the first score")
    before_cpu = time.process_time()
    plain_loop(judge(items, runs[0]), arguments.naive, arguments.seed)
    scaled = (time.process_time() - before_cpu) * arguments.resamples / arguments.naive
    print(f"plain loop, four figures, {arguments.naive} resamples scaled: {scaled:.0f} s CPU, {scaled / cpu:.0f} times")


def made_up(seed: int) -> list[ClosedItem]:
    """3,190 questions about 1,000 images, a fifth of them rejection items."""
    rng = random.Random(seed)
    texts = ("Glioma", "Meningioma", "Metastasis", "Ependymoma", NONE_OF_THE_ABOVE)
    options = tuple(Option(letter="ABCDE"[n], text=text) for n, text in enumerate(texts))
    numbers = [n % IMAGES for n in range(QUESTIONS)]
    return [
        ClosedItem(
            image_id=f"{image:04}",
            q_index=n // IMAGES,
            slice_id=f"s{image}",
            image_path=f"a/{1 + image % 9:02}_x/{image}.png",
            question_type=TYPES[n // IMAGES],
            question="What is shown?",
            options=options,
            answer="E" if rng.random() < 0.2 else rng.choice("ABCD"),
            label_source="unknown",
        )
        for n, image in enumerate(numbers)
    ]


def answers(items: list[ClosedItem], seed: int) -> list[Prediction]:
    """Answers with probabilities, right a little more often than chance."""
    rng = random.Random(seed)
    rows = []
    for item in items:
        letters = [option.letter for option in item.options]
        weights = {letter: rng.expovariate(1) * (2 if letter == item.answer else 1) for letter in letters}
        total = sum(weights.values())
        rows.append(
            Prediction(
                id=item.image_id,
                q_index=item.q_index,
                model="made up",
                status=PredictionStatus.OK,
                pred=max(weights, key=weights.__getitem__),
                shown_order="".join(rng.sample(letters, len(letters))),
                logprobs=tuple(LetterLogprob(letter=k, logprob=log(v / total)) for k, v in weights.items()),
            )
        )
    return rows


def plain_loop(judged: list[Judged], resamples: int, seed: int) -> list[tuple[float, float, float, float]]:
    """The four figures of each resample, as anyone would write it first."""
    by_image: dict[str, list[Judged]] = {}
    for question in judged:
        by_image.setdefault(question.item.image_id, []).append(question)
    images = list(by_image)
    rng = random.Random(seed)
    found = []
    for _ in range(resamples):
        drawn = [question for image in rng.choices(images, k=len(images)) for question in by_image[image]]
        by_type: dict[str, list[bool]] = {}
        for question in drawn:
            by_type.setdefault(question.item.question_type.value, []).append(question.is_right)
        accuracy = sum(question.is_right for question in drawn) / len(drawn)
        mean = sum(sum(right) / len(right) for right in by_type.values()) / len(by_type)
        offering = [question for question in drawn if question.item.none_letter is not None]
        rejections = [question.rejects for question in offering if question.item.rejects]
        others = [question.rejects for question in offering if not question.item.rejects]
        found.append((accuracy, mean, sum(rejections) / len(rejections), sum(others) / len(others)))
    return found


def figures(score: Score) -> int:
    """How many figures of a score have an interval."""

    def count(value: object) -> int:
        if isinstance(value, dict):
            own = isinstance(value.get("low"), float) and "value" in value
            return int(own) + sum(count(part) for part in value.values())
        return sum(count(part) for part in value) if isinstance(value, list) else 0

    return count(score.model_dump(mode="json"))


def peak_mib() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
