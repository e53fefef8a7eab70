"""Logs of Inspect."""

from pathlib import Path

from neuroonco.errors import InputError, PrerequisiteError
from neuroonco.export.logs import Log, Reply
from neuroonco.export.replies import Ending


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
        log = read_eval_log(str(path))
    except Exception as error:  # archives and JSON of strangers: every failure means the same to a user
        what = f"no log of Inspect: {type(error).__name__}"
        raise InputError("LOG_BROKEN", what, where=str(path), fix="pass a log of Inspect") from None
    replies = []
    for sample in log.samples or ():
        if QUESTION not in sample.metadata:
            what = "a sample of another task"
            raise InputError("LOG_UNKNOWN", what, where=str(path), fix="pass a log of an exported benchmark")
        if sample.error is not None:
            failure = sample.error.message.splitlines()[0][:200] if sample.error.message else "the sample failed"
            replies.append(Reply(str(sample.id), "", Ending.FAILED, failure))
        else:
            output = sample.output
            replies.append(Reply(str(sample.id), output.completion, ending_of(output), output.error))
    return Log("inspect", log.eval.model, replies)
