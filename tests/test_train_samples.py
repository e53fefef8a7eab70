"""What is learned is the answer and its end, behind the very prompt that is asked later."""

import json
import math
import pickle
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

import tiny_model
import tiny_qwen
from neuroonco.errors import InputError
from neuroonco.models.local_checkpoint import find
from neuroonco.models.local_processor import LocalProcessor
from neuroonco.models.records import Turn
from neuroonco.train.rows import TrainingRow
from neuroonco.train.samples import NOT_LEARNED, Collator, SampleLength, TrainingProcessor
from neuroonco.train.text_tokens import ending_tokens

torch = pytest.importorskip("torch", reason="torch is not installed (make test installs it where it can)")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

PROMPT = "<|im_start|>user\n{picture}{text}<|im_end|>\n<|im_start|>assistant\n"
SHOWN = f"{tiny_qwen.VISION_START}{{}}{tiny_qwen.VISION_END}"
SPELLED = ("<|im_end|>", "<image>", "<|image_pad|>", "<|im_start|>", "<|endoftext|>", "</s>", "<|vision_end|>")

QWEN = tiny_qwen.CHAT_TEMPLATE
TURN = "{% for part in message['content'] %}{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
SAID = TURN + "{% else %}{{ part['text'] }}{% endif %}{% endfor %}"
SPACED = (
    "{% for message in messages %}{{ message['role'].upper() }}: "
    f"{SAID}{{% if message['role'] == 'assistant' %}}<|im_end|>{{% else %}} {{% endif %}}{{% endfor %}}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
OPEN_ENDED = SPACED.replace("<|im_end|>", " ")
ENDS_ONCE = SPACED.replace("<|im_end|>", "{% if loop.last %}<|im_end|>{% else %} {% endif %}")
OWN_SYSTEM = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou look at pictures.<|im_end|>\n{% endif %}" + QWEN
)
NO_SYSTEM = QWEN.replace(
    "<|im_start|>{{", "{% if message['role'] == 'system' %}{{ nothing.here }}{% endif %}<|im_start|>{{"
)
TRIMS = QWEN.replace("{{ part['text'] }}", "{{ part['text'] | trim }}")
FORGETS_THOUGHTS = QWEN.replace("{{ part['text'] }}", "{{ part['text'].split('</think>')[-1] }}")
EMPTY_THOUGHT = QWEN.replace(
    "{% else %}{{ part['text'] }}",
    "{% else %}{% if message['role'] == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ part['text'] }}",
)
OPENS_THOUGHT = QWEN.replace("<|im_start|>assistant\n{%", "<|im_start|>assistant\n<think>\n{%")
TEMPLATES = {
    "qwen": QWEN,
    "spaced": SPACED,
    "open-ended": OPEN_ENDED,
    "ends-once": ENDS_ONCE,
    "own-system": OWN_SYSTEM,
    "no-system": NO_SYSTEM,
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = tmp_path_factory.mktemp("models")
    tiny_qwen.make(made / "tiny-qwen")
    tiny_model.make(made / "tiny-llava")
    return {"qwen": made / "tiny-qwen", "llava": made / "tiny-llava"}


@pytest.fixture(scope="module")
def qwen(folders: dict[str, Path]) -> TrainingProcessor:
    return TrainingProcessor(find(str(folders["qwen"])))


@pytest.fixture(scope="module")
def llava(folders: dict[str, Path]) -> TrainingProcessor:
    return TrainingProcessor(find(str(folders["llava"])))


@pytest.fixture(scope="module")
def with_template(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of the tiny Qwen with another chat template."""
    made: dict[str, Path] = {}

    def make(template: str) -> Path:
        if template not in made:
            made[template] = tmp_path_factory.mktemp("template") / "tiny"
            shutil.copytree(folders["qwen"], made[template])
            (made[template] / "chat_template.jinja").write_text(template)
        return made[template]

    return make


def row(*said: str, system: str | None = None, images: tuple[str, ...] = ()) -> TrainingRow:
    """A row of what user and assistant said in turn."""
    turns = [] if system is None else [Turn(role="system", text=system)]
    turns += [Turn(role=("user", "assistant")[n % 2], text=text) for n, text in enumerate(said)]
    return TrainingRow("rows.jsonl", 7, images, tuple(turns), None)


def picture(height_px: int = 48, width_px: int = 64, gray: int = 90) -> Any:
    return Image.effect_noise((width_px, height_px), gray).convert("RGB")


def blank(size_px: tuple[int, int]) -> Any:
    return Image.new("RGB", size_px[::-1])


def asked(processor: LocalProcessor, turns: Sequence[Turn], shown: Any) -> list[int]:
    """The prompt's tokens at prediction time."""
    return [int(token) for token in processor.tensors([(turns, shown)])["input_ids"][0]]


def unpadded(batch: dict[str, Any], line: int) -> tuple[list[int], list[int]]:
    kept = batch["attention_mask"][line].bool()
    return batch["input_ids"][line][kept].tolist(), batch["labels"][line][kept].tolist()


def learned(batch: dict[str, Any], line: int = 0) -> list[int]:
    labels = batch["labels"][line]
    return [int(token) for token in labels[labels != NOT_LEARNED]]


# --- labels by hand ---


def test_labels_are_those_written_by_hand(qwen: TrainingProcessor) -> None:
    encode = qwen.tokenizer.encode
    shown = SHOWN.format(tiny_qwen.IMAGE * 12)  # 48 x 64 px are 3 x 4 squares of 16 px
    first = encode(PROMPT.format(picture=shown, text="Which shape?"))
    answer = [*encode("Round"), encode("<|im_end|>")[0]]
    second_1 = encode("<|im_start|>system\nBe short.<|im_end|>\n" + PROMPT.format(picture="", text="Which?"))
    second_2 = encode("\n" + PROMPT.format(picture="", text="And?"))
    batch = qwen.batch(
        [row("Which shape?", "Round"), row("Which?", "Round", "And?", "Oval", system="Be short.")], [picture(), None]
    )
    ids, labels = unpadded(batch, 0)
    assert ids == first + answer
    assert labels == [NOT_LEARNED] * len(first) + answer
    oval = [*encode("Oval"), encode("<|im_end|>")[0]]
    ids, labels = unpadded(batch, 1)
    assert ids == second_1 + answer + second_2 + oval
    assert labels == [NOT_LEARNED] * len(second_1) + answer + [NOT_LEARNED] * len(second_2) + oval
    longest = len(ids)
    assert batch["attention_mask"][0].tolist() == [1] * len(first + answer) + [0] * (longest - len(first + answer))
    assert set(batch["labels"][0][len(first + answer) :].tolist()) == {NOT_LEARNED}
    assert set(batch["input_ids"][0][len(first + answer) :].tolist()) == {qwen.tokenizer.pad_token_id}
    image = encode(tiny_qwen.IMAGE)[0]
    assert batch["mm_token_type_ids"].tolist() == (batch["input_ids"] == image).long().tolist()
    assert batch["image_grid_thw"].tolist() == [[1, 6, 8]]
    assert batch["pixel_values"].shape == (48, 2 * 3 * 8 * 8)


def test_an_end_that_the_template_does_not_write_is_learned(llava: TrainingProcessor) -> None:
    # user 5, assistant 6, colon 7, round 8, oval 9, left 10, right 11; <image> 4, </s> 3
    rows = [row("round", "left"), row("round", "left", "oval", "right")]
    batch = llava.batch(rows, [picture(), None])
    assert unpadded(batch, 0)[0] == [5, 7, *[4] * 16, 8, 6, 7, 10, 3]
    assert unpadded(batch, 0)[1] == [NOT_LEARNED] * 21 + [10, 3]
    # Behind the first answer the second question is read, as at prediction, and the end is what is to be said there.
    assert unpadded(batch, 1)[0] == [5, 7, 8, 6, 7, 10, 5, 7, 9, 6, 7, 11, 3]
    assert unpadded(batch, 1)[1] == [*[NOT_LEARNED] * 5, 10, 3, *[NOT_LEARNED] * 4, 11, 3]
    assert batch["pixel_values"].shape == (1, 3, 32, 32)
    assert llava.length(rows[1], None) == SampleLength(13, 0, 4)


# --- the prompt is the one that is asked ---


@pytest.mark.parametrize("name", TEMPLATES)
def test_prompts_are_token_for_token_those_of_prediction(name: str, with_template: Callable[[str], Path]) -> None:
    checkpoint = find(str(with_template(TEMPLATES[name])))
    processor, predicting = TrainingProcessor(checkpoint), LocalProcessor(checkpoint)
    end = processor.tokenizer.eos_token_id
    rows = [
        row("Which shape?\n<|im_end|>", "A", system="Be short."),
        row("Which?", "A. Round", "<|im_start|>And?", "Two\nlines.", "So?", "B", system="Be short."),
        row("Which?", "A. Round", "And?", "B"),
    ]
    shown = [picture(), picture(64, 80), None]
    batch = processor.batch(rows, shown)
    letter = [*processor.letter_tokens("A"), end]
    assert learned(batch, 0) == letter
    for line, (one, seen) in enumerate(zip(rows, shown, strict=True)):
        ids, labels = unpadded(batch, line)
        begins = [n for n, token in enumerate(labels) if token != NOT_LEARNED and labels[n - 1] == NOT_LEARNED]
        answers = [n for n, turn in enumerate(one.turns) if turn.role == "assistant"]
        assert len(begins) == len(answers)
        said = []
        for begin, place in zip(begins, answers, strict=True):
            assert ids[:begin] == asked(predicting, one.turns[:place], seen)
            closing = labels.index(end, begin)
            assert ids[begin:closing] == labels[begin:closing]
            said.append(processor.tokenizer.decode(ids[begin:closing]).lstrip(" "))
        assert said == [one.turns[place].text for place in answers]
        assert labels[-1] == ids[-1] == end
        assert labels.count(end) == len(answers)
        size = None if seen is None else (seen.height, seen.width)
        measured = processor.length(one, size)
        assert (measured.tokens, measured.learned) == (len(ids), sum(token != NOT_LEARNED for token in labels))


def test_a_space_before_answers_belongs_to_them(with_template: Callable[[str], Path]) -> None:
    processor = TrainingProcessor(find(str(with_template(SPACED))))
    tokens = learned(processor.batch([row("?", "Round")], [None]))
    assert processor.tokenizer.decode(tokens) == " Round<|im_end|>"


@pytest.mark.parametrize("template", [TRIMS, FORGETS_THOUGHTS, EMPTY_THOUGHT])
def test_answers_are_learned_whole_whatever_the_template_makes_of_them(
    template: str, with_template: Callable[[str], Path]
) -> None:
    processor = TrainingProcessor(find(str(with_template(template))))
    answer = "<think>bright</think> A \n"
    batch = processor.batch([row("Which?", answer)], [None])
    assert processor.tokenizer.decode(learned(batch)) == f"{answer}<|im_end|>"
    # As an earlier turn it is not the same, so that what is learned would not be what is read later.
    with pytest.raises(InputError, match=r"HISTORY_REWRITTEN.*rows.jsonl, line 7"):
        processor.batch([row("Which?", answer, "And?", "B")], [None])
    with pytest.raises(InputError, match="HISTORY_REWRITTEN"):
        processor.length(row("Which?", answer, "And?", "B"), None)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (OPENS_THOUGHT, "does not repeat the prompt"),
        (QWEN.replace("<|im_end|>\n{%", "{{ nothing.here if message['role'] == 'assistant' }}{%"), "takes no answers"),
        (QWEN.replace("{{ part['text'] }}", "{{ part['text'] | upper }}"), "does not repeat the prompt"),
    ],
)
def test_templates_that_cannot_be_trained_are_refused_in_one_line(
    template: str, said: str, with_template: Callable[[str], Path]
) -> None:
    with pytest.raises(InputError, match=said) as refused:
        TrainingProcessor(find(str(with_template(template))))
    assert refused.value.code == "MODEL_UNTRAINABLE"
    assert str(with_template(template)) not in refused.value.line


def test_turns_that_the_template_refuses_are_named(with_template: Callable[[str], Path]) -> None:
    template = "{% if messages[0]['content'][0]['text'] == 'no' %}{{ raise_exception('Not this.') }}{% endif %}" + QWEN
    processor = TrainingProcessor(find(str(with_template(template))))
    with pytest.raises(InputError, match="Not this"):
        processor.length(row("no", "A"), None)
    with pytest.raises(InputError, match="Not this"):
        processor.batch([row("no", "A")], [None])


def test_the_tokens_that_end_answers_are_those_of_prediction(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(folders["qwen"], folder)
    tokenizer = LocalProcessor(find(str(folder))).tokenizer
    settings_file = folder / "generation_config.json"
    for stated, expected in (([0, 2], (2, 0)), (0, (0,)), (None, (2,))):
        settings_file.write_text(json.dumps({} if stated is None else {"eos_token_id": stated}))
        assert ending_tokens(find(str(folder)), tokenizer) == expected
    # Answers end with a token that the template does not write: it is learned in place of the template's.
    settings_file.write_text(json.dumps({"eos_token_id": 0}))
    processor = TrainingProcessor(find(str(folder)))
    assert processor.tokenizer.decode(learned(processor.batch([row("?", "A")], [None]))) == "A<|endoftext|>"


# --- text is data ---


texts = st.lists(
    st.one_of(st.sampled_from([*SPELLED, "\n", " ", "A", "é", "\u200b", "😀"]), st.text(max_size=8)), max_size=6
)
some_text = texts.map("".join).filter(lambda text: text.strip() and not {"\U000f0000", "\U000f0001"} & set(text))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(question=some_text, answer=some_text)
@example(question="<|im_end|>\n<|im_start|>assistant\nB", answer="\n\nA<|im_end|>")
@example(question="\n", answer="<|image_pad|>")
def test_what_is_learned_says_the_answer(qwen: TrainingProcessor, question: str, answer: str) -> None:
    rows = [row(question, answer), row(question, answer, "And?", answer)]
    batch = qwen.batch(rows, [blank((48, 64)), None])
    end, image = qwen.tokenizer.eos_token_id, qwen.tokenizer.convert_tokens_to_ids(tiny_qwen.IMAGE)
    *said, last = learned(batch)
    assert qwen.tokenizer.decode(said, clean_up_tokenization_spaces=False) == answer
    assert last == end
    assert learned(batch, 1) == [*said, end, *said, end]
    assert not set(said) & set(qwen.tokenizer.added_tokens_decoder)
    ids, _ = unpadded(batch, 0)
    assert ids.count(image) == 12
    assert ids.count(end) == 2
    prompt = asked(qwen, rows[0].turns[:-1], blank((48, 64)))
    assert ids == [*prompt, *said, end]
    assert qwen.length(rows[0], (48, 64)) == SampleLength(len(ids), 12, len(said) + 1)
    assert qwen.length(rows[1], None).tokens == len(unpadded(batch, 1)[0])


# --- the loss ---


@pytest.fixture(scope="module")
def mixed(qwen: TrainingProcessor) -> tuple[list[TrainingRow], list[Any]]:
    rows = [
        row("Which shape has the lesion?", "Round"),
        row("Which?", "A", "And? " * 5, "B. Oval", system="Be short."),
        row("x", "Lobulated or irregular"),
    ]
    return rows, [picture(), None, picture(80, 40)]


def test_the_loss_is_the_mean_over_what_is_learned(
    qwen: TrainingProcessor, folders: dict[str, Path], mixed: tuple[list[TrainingRow], list[Any]]
) -> None:
    model = transformers.AutoModelForImageTextToText.from_pretrained(folders["qwen"], dtype=torch.float32).eval()
    batch = qwen.batch(*mixed)
    with torch.inference_mode():
        together = model(**batch)
        logs = torch.log_softmax(together.logits.double(), -1)
        costs = []
        for line, labels in enumerate(batch["labels"].tolist()):
            costs += [-float(logs[line, n - 1, label]) for n, label in enumerate(labels) if label != NOT_LEARNED]
        assert len(costs) == sum(qwen.length(one, p and p.size[::-1]).learned for one, p in zip(*mixed, strict=True))
        assert float(together.loss) == pytest.approx(math.fsum(costs) / len(costs), abs=1e-5)
        alone = []
        for one, shown in zip(*mixed, strict=True):
            single = qwen.batch([one], [shown])
            assert bool(single["attention_mask"].all())
            alone += [float(model(**single).loss)] * len(learned(single))
        assert float(together.loss) == pytest.approx(math.fsum(alone) / len(alone), abs=1e-5)


# --- lengths ---

SIZES_PX = [(1, 1), (2, 190), (15, 17), (16, 16), (33, 31), (47, 49), (64, 64), (200, 90), (512, 512), (97, 640)]


@pytest.mark.parametrize("name", ["qwen", "llava"])
@pytest.mark.parametrize("has_formula", [True, False])
def test_lengths_are_those_of_the_tensors(
    name: str, has_formula: bool, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    processor = TrainingProcessor(find(str(folders[name])))
    if not has_formula:
        monkeypatch.setattr(processor, "_stated", lambda _: None)
    one = row("left or right", "round")
    image = processor.tokenizer.convert_tokens_to_ids({"qwen": tiny_qwen.IMAGE, "llava": tiny_model.IMAGE}[name])
    found = set()
    for size in SIZES_PX:
        ids, labels = unpadded(processor.batch([one], [blank(size)]), 0)
        expected = SampleLength(len(ids), ids.count(image), len(labels) - labels.count(NOT_LEARNED))
        assert processor.length(one, size) == expected, size
        found.add(expected.of_pictures)
    assert len(found) == (1 if name == "llava" else 6)
    assert (processor._beside_formula is not None) is has_formula


def test_a_shape_that_the_model_does_not_take_is_refused(qwen: TrainingProcessor) -> None:
    with pytest.raises(InputError, match=r"SAMPLE_REFUSED.*aspect ratio"):
        qwen.length(row("?", "A"), (2, 402))
    with pytest.raises(InputError, match=r"SAMPLE_REFUSED.*aspect ratio"):
        qwen.batch([row("?", "A")], [blank((2, 402))])


def test_what_is_said_of_each_token_and_not_known_is_refused(
    qwen: TrainingProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = qwen.tensors

    def more(prompts: Any) -> Any:
        made = real(prompts)
        return {**made, "cross_attention_mask": torch.ones(*made["input_ids"].shape, 1, 4)}

    monkeypatch.setattr(qwen, "tensors", more)
    with pytest.raises(InputError, match="'cross_attention_mask' for each token"):
        qwen.batch([row("?", "A")], [blank((48, 48))])


# --- limits of pixels ---


def pictures_tokens(processor: TrainingProcessor) -> int:
    """Of 48 x 64 px, whose squares have a side of 16 px."""
    return processor.length(row("?", "A"), (48, 64)).of_pictures


def test_limits_change_the_tokens_of_a_picture(folders: dict[str, Path]) -> None:
    checkpoint = find(str(folders["qwen"]))
    # Shrunk by sqrt(3) to 27.7 x 37.0: 1 x 2 squares fit. Grown by sqrt(4/3) to 55.4 x 73.9: 4 x 5 squares cover it.
    for limits, expected in (((None, None), 12), ((None, 1024), 2), ((4096, None), 20), ((256, 100_000), 12)):
        processor = TrainingProcessor(checkpoint, min_pixels=limits[0], max_pixels=limits[1])
        assert pictures_tokens(processor) == expected
        batch = processor.batch([row("?", "A")], [picture()])
        assert int(batch["image_grid_thw"].prod()) == 4 * expected
        assert unpadded(batch, 0)[0].count(processor.tokenizer.convert_tokens_to_ids(tiny_qwen.IMAGE)) == expected
        assert pictures_tokens(pickle.loads(pickle.dumps(processor))) == expected  # noqa: S301


def test_limits_that_make_no_sense_are_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(InputError, match=r"PIXELS_CROSSED.*min_pixels 5000 is above max_pixels 4096"):
        TrainingProcessor(find(str(folders["qwen"])), min_pixels=5000)
    with pytest.raises(InputError, match=r"PIXELS_FIXED.*CLIPImageProcessorPil has no limits"):
        TrainingProcessor(find(str(folders["llava"])), max_pixels=5000)


@pytest.mark.parametrize("form", ["size", "older", "of all parts"])
def test_saved_limits_are_read_again(form: str, folders: dict[str, Path], tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    shutil.copytree(folders["qwen"], source)
    videos = {"video_processor_type": "Qwen3VLVideoProcessor", "fps": 2}
    (source / "video_preprocessor_config.json").write_text(json.dumps(videos if form == "size" else {"fps": 2}))
    (source / "trainer_state.json").write_text("{}")
    stated = json.loads((source / "preprocessor_config.json").read_text())
    if form == "older":
        del stated["size"]
        stated |= {"min_pixels": 1024, "max_pixels": 4096}
        (source / "preprocessor_config.json").write_text(json.dumps(stated))
    if form == "of all parts":
        (source / "preprocessor_config.json").unlink()
        parts = {"processor_class": "Qwen3VLProcessor", "image_processor": stated, "video_processor": videos}
        (source / "processor_config.json").write_text(json.dumps(parts))
    processor = TrainingProcessor(find(str(source)), max_pixels=1024)
    processor.save(out)
    changed = "processor_config.json" if form == "of all parts" else "preprocessor_config.json"
    for path in out.iterdir():
        assert (path.read_bytes() == (source / path.name).read_bytes()) is (path.name != changed)
    assert (out / "video_preprocessor_config.json").exists()
    if form == "of all parts":
        assert json.loads((out / changed).read_text())["video_processor"] == videos
    assert not {"config.json", "generation_config.json", "trainer_state.json", "model.safetensors"} & {
        path.name for path in out.iterdir()
    }
    for name in ("config.json", "generation_config.json", "model.safetensors"):
        shutil.copy(source / name, out / name)
    again = TrainingProcessor(find(str(out)))
    assert pictures_tokens(again) == pictures_tokens(processor) == 2
    one = row("Which <|im_end|>?", "A")
    assert again.batch([one], [picture(gray=0)])["input_ids"].equal(
        processor.batch([one], [picture(gray=0)])["input_ids"]
    )
    alone = transformers.AutoImageProcessor.from_pretrained(out, local_files_only=True)
    assert (alone.size["shortest_edge"], alone.size["longest_edge"]) == (1024, 1024)


@pytest.mark.parametrize("name", ["qwen", "llava"])
def test_without_limits_the_files_are_copied(name: str, folders: dict[str, Path], tmp_path: Path) -> None:
    TrainingProcessor(find(str(folders[name]))).save(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"} <= names
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (folders[name] / path.name).read_bytes()


# --- the loader ---


class Pictures:
    """Stands in for the source of pictures: a path is its side in px."""

    def read(self, path: str) -> Any:
        return Image.new("RGB", (64, int(path)), (int(path),) * 3)


ROWS = [row("Which?", "A", images=("48",)), row("And?", "B"), row("So?", "Round", images=("80",)), row("x", "Oval")]


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def test_a_batch_is_the_same_in_every_worker(qwen: TrainingProcessor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")  # as for a training: the workers are forks
    collator = Collator(qwen, ROWS, Pictures())  # type: ignore[arg-type]
    places = [{"place": n} for n in (2, 1, 0, 3)]
    here = [collator(places[:2]), collator(places[2:])]
    assert here[0]["image_grid_thw"].tolist() == [[1, 8, 6]]
    assert [qwen.tokenizer.decode(learned(here[0], line)) for line in (0, 1)] == ["Round<|im_end|>", "B<|im_end|>"]
    copied = pickle.loads(pickle.dumps(collator))  # noqa: S301
    assert all(same(copied(part), batch) for part, batch in zip((places[:2], places[2:]), here, strict=True))
    loader = torch.utils.data.DataLoader(
        places, batch_size=2, collate_fn=collator, num_workers=2, multiprocessing_context="fork"
    )
    assert all(same(forked, batch) for forked, batch in zip(loader, here, strict=True))


def test_a_batch_in_any_order_has_the_pictures_of_its_rows(qwen: TrainingProcessor) -> None:
    collator = Collator(qwen, ROWS, Pictures())  # type: ignore[arg-type]
    batch = collator([{"place": n} for n in (1, 2, 3, 0)])
    counts = [(ids == qwen.tokenizer.convert_tokens_to_ids(tiny_qwen.IMAGE)).sum().item() for ids in batch["input_ids"]]
    assert counts == [0, 12, 0, 12]
    first, second = batch["pixel_values"].split(batch["image_grid_thw"].prod(1).tolist())
    assert float(first.mean()) > float(second.mean())  # 80 is brighter than 48
