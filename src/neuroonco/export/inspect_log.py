"""Logs of Inspect."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neuroonco.errors import InputError, PrerequisiteError
from neuroonco.export.logs import Log, Reply
from neuroonco.export.replies import Ending

AT_ONCE = 32
"""Samples that are held at a time: each brings its picture, several times over."""
NOT_NEEDED = {"messages", "events", "events_data", "attachments", "store", "scores", "timelines"}


def read_inspect_log(path: Path) -> Log:
    """Read a log of an exported task.

    A sample that failed is a reply that failed. Scores in the log are not read: replies are read anew.

    Args:
        path: ``.eval`` or ``.json``.

    Raises:
        InputError: no log of Inspect, or of another task.
        PrerequisiteError: the extra ``inspect`` is not installed.
    """
    try:
        from inspect_ai.log import read_eval_log

        from neuroonco.export.inspect_task import QUESTION, ending_of
    except ImportError:
        fix = "pip install 'neuroonco[inspect]'"
        raise PrerequisiteError("INSPECT_MISSING", "Inspect is not installed", fix=fix) from None
    try:
        header = read_eval_log(str(path), header_only=True)
        replies = []
        for sample in _samples(path):
            if QUESTION not in sample.metadata:
                what = "a sample of another task"
                raise InputError("LOG_UNKNOWN", what, where=str(path), fix="pass a log of an exported benchmark")
            if sample.error is not None:
                failure = sample.error.message.splitlines()[0][:200] if sample.error.message else "the sample failed"
                replies.append(Reply(str(sample.id), "", Ending.FAILED, failure))
            else:
                output = sample.output
                replies.append(Reply(str(sample.id), output.completion, ending_of(output), output.error))
    except InputError:
        raise
    except Exception as error:  # archives and JSON of strangers: every failure means the same to a user
        what = f"no log of Inspect: {type(error).__name__}"
        raise InputError("LOG_BROKEN", what, where=str(path), fix="pass a log of Inspect") from None
    return Log("inspect", header.eval.model, replies)


def _samples(path: Path) -> Iterator[Any]:
    """The samples of a log, a few at a time; a log as JSON is one document, and read as a whole."""
    from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries, read_eval_log_samples_by_id

    if path.suffix != ".eval":
        yield from read_eval_log(str(path)).samples or ()
        return
    named = [(summary.id, summary.epoch) for summary in read_eval_log_sample_summaries(str(path))]
    for start in range(0, len(named), AT_ONCE):
        some = named[start : start + AT_ONCE]
        yield from read_eval_log_samples_by_id(str(path), some, concurrency=1, exclude_fields=NOT_NEEDED)
