"""A task folder for lmms-eval's ``--include_path``; lmms-eval itself is not needed to write it."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from neuroonco import store
from neuroonco.export.figures import LOWER_IS_BETTER, figure_names
from neuroonco.export.folder import exported_folder
from neuroonco.export.questions import Exportable
from neuroonco.export.records import Export, Target
from neuroonco.export.writing import README, template, write_manifest, write_questions
from neuroonco.predict.ask import QuestionBrief

DATA = "questions.parquet"
_ROWS_PER_GROUP = 64
_SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("prompt", pa.string()),
        ("answer", pa.string()),
    ],
    metadata={
        "huggingface": json.dumps(
            {
                "info": {
                    "features": {name: {"dtype": "string", "_type": "Value"} for name in ("name", "prompt", "answer")}
                    | {"image": {"_type": "Image"}}
                }
            }
        )
    },
)
"""By its metadata, the library ``datasets`` takes the column ``image`` for images."""


def write_lmms_eval(found: Exportable, out: Path) -> Export:
    """Write a folder that ``lmms_eval --include_path`` takes.

    Raises:
        InputError: the folder holds something else, or cannot be written.
    """
    task = f"neuroonco_{found.kind.value}"
    with exported_folder(out) as folder:
        write_questions(folder, found)
        _write_rows(folder / DATA, found)
        names = figure_names(found.questions)
        metrics = "".join(
            f"  - metric: {name}\n"
            f"    aggregation: !function utils.{name}\n"
            f"    higher_is_better: {'false' if name in LOWER_IS_BETTER else 'true'}\n"
            for name in names
        )
        limit = str(QuestionBrief().max_tokens)
        prompts = " ".join(f"{name}@{sha256[:12]}" for name, sha256 in found.prompts.items())
        yaml = template("lmms_task.txt", task=task, data=DATA, metrics=metrics, max_tokens=limit, prompts=prompts)
        functions = "\n".join(f'{name} = figure_of(_FOLDER, "{name}")' for name in names)
        store.write_text(folder / f"{task}.yaml", yaml)
        store.write_text(
            folder / "utils.py",
            template("lmms_functions.txt", figures=functions, names=", ".join(f'"{name}"' for name in names)),
        )
        store.write_text(folder / README, template("lmms_readme.txt", task=task, kind=found.kind.value.capitalize()))
        return write_manifest(folder, found, Target.LMMS_EVAL)


def _write_rows(path: Path, found: Exportable) -> None:
    """One row a question; a row holds its picture, so that rows are put together and written by and by."""
    with pq.ParquetWriter(path, _SCHEMA, compression="none") as file:
        for start in range(0, len(found.questions), _ROWS_PER_GROUP):
            rows = [
                {
                    "name": one.name,
                    "image": {"bytes": found.pictures[one.image], "path": None},
                    "prompt": one.prompt,
                    "answer": one.target,
                }
                for one in found.questions[start : start + _ROWS_PER_GROUP]
            ]
            file.write_table(pa.Table.from_pylist(rows, _SCHEMA))
