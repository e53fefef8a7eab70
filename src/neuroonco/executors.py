"""Who does the work: this process, several processes of this machine, or an existing distributed engine.

All of them take pieces of work in order and give results back in that order, with few pieces under way at a time, so
that neither pieces nor results pile up. What the work writes is the same whoever does it.
"""

import logging
import os
import pickle
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from enum import StrEnum
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import Any, Protocol, TypeVar

from neuroonco.errors import NeuroOncoError, PrerequisiteError, printable

P = TypeVar("P")
T = TypeVar("T")
UNDER_WAY = 2
"""Pieces a process that are given out before the first result is taken: enough that none waits."""


class ExecutorKind(StrEnum):
    """How work is spread."""

    PROCESSES = "processes"
    RAY = "ray"


class Executor(Protocol):
    """Does work on pieces, in order."""

    def map_ordered(self, work: Callable[[P], T], pieces: Iterable[P]) -> Iterator[T]:
        """Results of ``work`` on each piece, in the order of the pieces.

        Args:
            work: picklable; called with one piece.
            pieces: picklable; taken as work goes on, not all at once.

        Raises:
            PrerequisiteError: a process of the executor was killed from outside.
        """
        ...


class InProcess:
    """Works here, one piece after the other."""

    def map_ordered(self, work: Callable[[P], T], pieces: Iterable[P]) -> Iterator[T]:
        """See :class:`Executor`."""
        return map(work, pieces)


class ProcessPool:
    """Works in processes of this machine."""

    def __init__(self, pool: ProcessPoolExecutor, processes: int) -> None:
        self._pool, self._limit = pool, UNDER_WAY * processes

    def map_ordered(self, work: Callable[[P], T], pieces: Iterable[P]) -> Iterator[T]:
        """See :class:`Executor`."""
        under_way: deque[Future[T]] = deque()
        for piece in pieces:
            if len(under_way) == self._limit:
                yield under_way.popleft().result()
            under_way.append(self._pool.submit(work, piece))
        while under_way:
            yield under_way.popleft().result()


class RayData:
    """Works on Ray Data: on this machine, or on the cluster that Ray is already connected to.

    Workers write their results into the run's folder, so that on a cluster the run and the root have to lie on a file
    system that all machines share.
    """

    def __init__(self, data: Any, processes: int) -> None:
        self._data, self._processes = data, processes

    def map_ordered(self, work: Callable[[P], T], pieces: Iterable[P]) -> Iterator[T]:
        """See :class:`Executor`; the pieces themselves are given to Ray at once, as it has no other way in."""
        rows = [{"number": number, "piece": pickle.dumps(piece)} for number, piece in enumerate(pieces)]
        if not rows:
            return
        self._data.DataContext.get_current().execution_options.preserve_order = True
        blocks = min(len(rows), 1000)
        dataset = self._data.from_items(rows, override_num_blocks=blocks)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # there is no newer way yet to say how often a worker may die
            results = dataset.map_batches(
                _work_batch,
                batch_size=1,
                batch_format="numpy",
                fn_kwargs={"work": work},
                compute=self._data.TaskPoolStrategy(size=self._processes),
                num_cpus=1,
                ray_remote_args_fn=_remote_options,
            )
        for row in results.iter_rows():
            result, error = pickle.loads(row["result"])  # noqa: S301 - written by our own worker below
            if error is not None:
                raise error
            yield result


def _remote_options() -> dict[str, Any]:
    return {"max_retries": 1}  # a worker that dies twice on the same piece will die again


def _work_batch(batch: Mapping[str, Any], *, work: Callable[[Any], Any]) -> dict[str, list[Any]]:
    """What a Ray worker does with a batch of rows; our own errors come back as values, so that they stay one line."""
    results: list[tuple[Any, NeuroOncoError | None]] = []
    for piece in batch["piece"]:
        try:
            results.append((work(pickle.loads(bytes(piece))), None))  # noqa: S301 - written by map_ordered
        except NeuroOncoError as error:
            results.append((None, error))
    return {"number": list(batch["number"]), "result": [pickle.dumps(result) for result in results]}


@contextmanager
def executor(kind: ExecutorKind, processes: int) -> Iterator[Executor]:
    """An executor over so many processes; they start with the first work and end with the block.

    Raises:
        PrerequisiteError: Ray is asked for and not installed, or a worker was killed from outside, most likely for
            memory.
    """
    if kind is ExecutorKind.RAY:
        with _ray(processes) as data:
            yield RayData(data, processes)
    elif processes <= 1:
        yield InProcess()
    else:
        with _pool(processes) as pool:
            yield ProcessPool(pool, processes)


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    # forkserver: workers start clean, without the parent's threads; available wherever Linux or macOS is.
    context = get_context("forkserver")
    context.set_forkserver_preload(["neuroonco.walk.work"])
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_end_with_parent)
    try:
        yield pool
        pool.shutdown()
    except BrokenProcessPool:
        fix = "use --processes 1, or a machine with more memory; finished work is kept"
        raise PrerequisiteError("WORKER_DIED", "a worker process was killed", fix=fix) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _end_with_parent() -> None:
    """Make a worker end when the run is killed: nobody else would tell it, and it would wait for work for ever."""

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os._exit(1)

    parent = parent_process()
    if parent is not None:
        threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


@contextmanager
def _ray(processes: int) -> Iterator[Any]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves this machine unasked
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
        from ray import data
    except ImportError:
        fix = 'pip install "neuroonco[ray]", or use --executor processes'
        raise PrerequisiteError("RAY_MISSING", "Ray is not installed", fix=fix) from None
    ours = not ray.is_initialized()
    if ours:
        ray.init(num_cpus=processes, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # errors come back to us, in one line
    try:
        yield data
    except ray.exceptions.RayError as error:
        what = str(error).splitlines()[0][:200]
        fix = "use --executor processes; finished work is kept"
        raise PrerequisiteError("RAY_FAILED", printable(what), fix=fix) from None
    finally:
        if ours:
            ray.shutdown()
