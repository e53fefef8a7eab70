"""Exports: each form read by the real `datasets` reader with images decoded, or held against the tool's own schema."""

import json
from typing import Annotated, Literal

import cv2
import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field

from neuroonco.build.instruct.chat import chat_line
from neuroonco.build.instruct.export import (
    Export,
    dataset_info,
    exports_of,
    file_name,
    folders_of,
    ms_swift_line,
    trl_line,
)
from neuroonco.build.instruct.records import CLOSED, CLOSED_WITH_REASON, FILE_KINDS, OPEN, InstructionPair
from neuroonco.errors import UsageError
from neuroonco.vocabulary import QuestionType

ASKED = {
    OPEN: ("Which MR sequence was this slice taken with?", "The sequence is T2."),
    CLOSED: ("Which MR sequence is this?\nOptions:\nA. T1\nE. None of the above\n\nAnswer with the letter only.", "E"),
    CLOSED_WITH_REASON: (
        "Which MR sequence is this?\nOptions:\nA. T1\nE. None\n\nExplain.",
        "Final: E\nExplanation: …",
    ),
}


def pair(kind: str, number: int = 0) -> InstructionPair:
    question, answer = ASKED[kind]
    return InstructionPair(
        pair_id=f"s{number}_{kind}_0",
        pair_index=0,
        slice_id=f"s{number}",
        image_path=f"glioma/16_t2/é {number}.png",
        file_kind=kind,
        question_type=QuestionType.MODALITY,
        subtype="open" if kind == OPEN else "none_of_the_above",
        question=question,
        answer=answer,
        source_id="16",
    )


def write_lines(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def root(tmp_path):
    """A root with the pictures that the pairs name; picture n is all of gray n."""
    folder = tmp_path / "root" / "glioma" / "16_t2"
    folder.mkdir(parents=True)
    for number in range(3):
        done, encoded = cv2.imencode(".png", np.full((4, 6), 10 + number, np.uint8))
        assert done
        (folder / f"é {number}.png").write_bytes(encoded.tobytes())
    return tmp_path / "root"


@pytest.fixture
def load(tmp_path, monkeypatch):
    """The real reader of Hugging Face, offline and with a cache of its own."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    import datasets

    datasets.disable_progress_bars()

    def reader(path):
        data = datasets.load_dataset("json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
        return data, datasets

    return reader


def test_trl_rows_load_and_their_images_decode(tmp_path, root, load, monkeypatch):
    path = write_lines(tmp_path / "trl.jsonl", [trl_line(pair(OPEN, n)) for n in range(3)])
    data, datasets = load(path)
    monkeypatch.chdir(root)  # relative paths are relative to where the trainer is started
    data = data.cast_column("images", datasets.Sequence(datasets.Image()))
    for number, row in enumerate(data):
        assert [(image.size, image.getpixel((0, 0))) for image in row["images"]] == [((6, 4), 10 + number)]
        user, assistant = row["messages"]
        assert [part["type"] for part in user["content"]] == ["image", "text"]
        assert user["content"][1]["text"] == ASKED[OPEN][0]
        assert assistant == {"role": "assistant", "content": [{"type": "text", "text": ASKED[OPEN][1]}]}


def test_rows_of_all_kinds_are_of_one_type_so_that_files_can_be_joined(tmp_path, load):
    features = []
    for kind in FILE_KINDS:
        data, _ = load(write_lines(tmp_path / kind / "trl.jsonl", [trl_line(pair(kind))]))
        features.append(data.features)
    assert features[0] == features[1] == features[2]


@pytest.mark.parametrize("line", [chat_line, ms_swift_line])
def test_published_and_ms_swift_rows_load_and_their_images_decode(tmp_path, root, load, monkeypatch, line):
    path = write_lines(tmp_path / "rows.jsonl", [line(pair(CLOSED, n)) for n in range(3)])
    data, datasets = load(path)
    monkeypatch.chdir(root)
    data = data.cast_column("images", datasets.Sequence(datasets.Image()))
    assert [row["images"][0].getpixel((5, 3)) for row in data] == [10, 11, 12]
    assert data[0]["messages"][0]["content"].startswith("<image>\nWhich")


# --- the tools' documented forms ---


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Message(Strict):
    role: Literal["user", "assistant"]
    content: Annotated[str, Field(min_length=1)]


class MsSwiftRow(Strict):
    """Keys of ms-swift's standard form; https://swift.readthedocs.io/en/latest/Customization/Custom-dataset.html."""

    messages: Annotated[list[Message], Field(min_length=1)]
    images: list[str] = []
    videos: list[str] = []
    audios: list[str] = []
    tools: list[str] = []
    rejected_response: str | None = None
    label: bool | None = None


class Columns(Strict):
    messages: str = "conversations"
    system: str | None = None
    tools: str | None = None
    images: str | None = None
    videos: str | None = None
    audios: str | None = None


class Tags(Strict):
    role_tag: str = "from"
    content_tag: str = "value"
    user_tag: str = "human"
    assistant_tag: str = "gpt"
    observation_tag: str = "observation"
    function_tag: str = "function_call"
    system_tag: str = "system"


class Described(Strict):
    """A dataset description; https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md."""

    file_name: str
    formatting: Literal["alpaca", "sharegpt"] = "alpaca"
    columns: Columns = Columns()
    tags: Tags = Tags()


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_ms_swift_rows_are_of_its_standard_form(kind):
    row = MsSwiftRow.model_validate(ms_swift_line(pair(kind, 2)))
    assert [m.role for m in row.messages] == ["user", "assistant"]
    assert sum(m.content.count("<image>") for m in row.messages) == len(row.images) == 1


def test_llama_factory_finds_everything_by_its_description(tmp_path):
    """Read as its documentation says: columns and tags by name, one image a placeholder, turns in alternation."""
    for kind in FILE_KINDS:
        write_lines(tmp_path / file_name(kind), [chat_line(pair(kind))])
    described = {name: Described.model_validate(entry) for name, entry in dataset_info(FILE_KINDS).items()}
    assert list(described) == ["neuroonco_open", "neuroonco_closed_nocot", "neuroonco_closed_cot"]
    for kind, entry in zip(FILE_KINDS, described.values(), strict=True):
        assert entry.formatting == "sharegpt"
        [line] = (tmp_path / entry.file_name).read_text("utf-8").splitlines()
        row = json.loads(line)
        turns = row[entry.columns.messages]
        tags = entry.tags
        assert [turn[tags.role_tag] for turn in turns] == [tags.user_tag, tags.assistant_tag]
        assert "".join(turn[tags.content_tag] for turn in turns).count("<image>") == len(row[entry.columns.images])
        assert turns[1][tags.content_tag] == ASKED[kind][1]


def test_llama_factory_is_told_of_no_empty_file():
    assert list(dataset_info([OPEN])) == ["neuroonco_open"]


# --- choosing ---


@pytest.mark.parametrize(
    ("text", "exports"),
    [
        (None, ()),
        ("", ()),
        ("trl", (Export.TRL,)),
        (" trl , llama-factory,trl", (Export.LLAMA_FACTORY, Export.TRL)),
        ("trl,ms-swift,llama-factory", tuple(Export)),
    ],
)
def test_exports_are_named_in_a_list(text, exports):
    assert exports_of(text) == exports


def test_an_unknown_export_is_one_line_that_names_what_is_known():
    with pytest.raises(UsageError) as caught:
        exports_of("trl,axolotl")
    assert caught.value.line == (
        "error[EXPORT_UNKNOWN]: --export: no form 'axolotl'; fix: use one or more of llama-factory, ms-swift, trl"
    )


def test_llama_factory_needs_no_files_of_its_own():
    assert folders_of(tuple(Export)) == ["", "ms-swift", "trl"]
    assert folders_of(()) == folders_of((Export.LLAMA_FACTORY,)) == [""]
