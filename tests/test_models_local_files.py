"""Files of a local model: found, refused in one line, and named by their content; all of it without torch."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from neuroonco.errors import InputError, NeuroOncoError, PrerequisiteError, UsageError
from neuroonco.models import local_checkpoint
from neuroonco.models.local import LocalClient
from neuroonco.models.local_checkpoint import INDEX, OF_TRAINING, find
from neuroonco.models.local_libraries import dtype_name, import_extra


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of a model in two parts, as far as they are looked at without torch."""
    made = tmp_path / "secret-place" / "tiny"
    made.mkdir(parents=True)
    files: dict[str, Any] = {
        "config.json": {"model_type": "qwen3_vl"},
        "tokenizer.json": {"model": {}},
        INDEX: {"weight_map": {"a": "part-1.safetensors", "b": "part-2.safetensors"}},
    }
    for name, document in files.items():
        (made / name).write_text(json.dumps(document))
    (made / "chat_template.jinja").write_text("{{ messages }}")
    (made / "part-1.safetensors").write_bytes(b"\0" * 100)
    (made / "part-2.safetensors").write_bytes(b"\1" * 100)
    return made


def test_a_model_is_named_by_its_content_and_not_by_its_place(folder: Path, tmp_path: Path) -> None:
    name = find(str(folder)).name
    label, _, fingerprint = name.partition("@")
    assert label == "local:tiny"
    assert len(fingerprint) == 12
    assert int(fingerprint, 16) >= 0
    assert find(f"{folder}/").name == find(f"{folder}/../tiny").name == name
    moved = folder.rename(tmp_path / "other")
    assert find(str(moved)).name == f"local:other@{fingerprint}"
    assert "secret-place" not in repr(find(str(moved)))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "chat_template.jinja", INDEX])
def test_another_setting_is_another_model(folder: Path, name: str) -> None:
    before = find(str(folder)).fingerprint
    path = folder / name
    path.write_text(path.read_text() + " ")
    assert find(str(folder)).fingerprint != before


def test_another_weight_is_another_model_and_so_are_exchanged_files(folder: Path) -> None:
    before = find(str(folder)).fingerprint
    first, second = folder / "part-1.safetensors", folder / "part-2.safetensors"
    kept = first.read_bytes()
    first.write_bytes(kept[:50] + b"\2" + kept[51:])
    changed = find(str(folder)).fingerprint
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    exchanged = find(str(folder)).fingerprint
    assert len({before, changed, exchanged}) == 3


def test_logs_of_a_training_and_other_files_change_no_name(folder: Path) -> None:
    before = find(str(folder)).name
    for name in (*OF_TRAINING, "README.md", "optimizer.pt", "unlisted.safetensors"):
        (folder / name).write_text("{}")
    assert find(str(folder)).name == before


def write(text: str, *names: str) -> Any:
    return lambda folder: [(folder / name).write_text(text) for name in names]


def remove(name: str) -> Any:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        (remove("config.json"), "MODEL_MISSING", "no config.json"),
        (write("{", "config.json"), "MODEL_UNREADABLE", "config.json cannot be read"),
        (write("[]", "config.json"), "MODEL_UNREADABLE", "no JSON object"),
        (write("{}", "config.json"), "MODEL_UNREADABLE", "no model_type"),
        (remove("part-2.safetensors"), "MODEL_INCOMPLETE", "no part-2.safetensors"),
        (remove(INDEX), "MODEL_INCOMPLETE", "no model.safetensors"),
        (write('{"weight_map": {"a": "../x.safetensors"}}', INDEX), "MODEL_UNREADABLE", "no files of this folder"),
        (write('{"weight_map": []}', INDEX), "MODEL_UNREADABLE", "no files of this folder"),
        (write("{}", "adapter_config.json"), "MODEL_IS_ADAPTER", "merge"),
    ],
)
def test_what_is_no_whole_model_is_refused_in_one_line(folder: Path, damage: Any, code: str, words: str) -> None:
    damage(folder)
    with pytest.raises(InputError) as raised:
        find(str(folder))
    assert raised.value.code == code
    assert_one_line(raised.value, words, "tiny", hidden="secret-place")


def assert_one_line(error: NeuroOncoError, *words: str, hidden: str) -> None:
    assert "\n" not in error.line
    assert error.fix
    assert all(word in error.line for word in words), error.line
    assert hidden not in error.line


def test_a_file_and_a_path_that_is_not_there_are_refused(folder: Path, tmp_path: Path) -> None:
    for place, words in ((folder / "config.json", "a file, not a folder"), (tmp_path / "absent", "no such folder")):
        with pytest.raises(InputError) as raised:
            find(str(place))
        assert raised.value.code == "MODEL_MISSING"
        assert_one_line(raised.value, words, place.name, hidden=str(tmp_path))
    with pytest.raises(UsageError):
        find(" ")


class Hub:
    """Stands for the library of the Hub."""

    def __init__(self, outcome: Path | Exception) -> None:
        self.outcome, self.asked = outcome, list[tuple[str, dict[str, Any]]]()

    def snapshot_download(self, name: str, **options: Any) -> str:
        self.asked.append((name, options))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return str(self.outcome)


def test_a_model_of_the_hub_has_the_fingerprint_of_its_copy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(folder)
    monkeypatch.setattr(local_checkpoint, "import_extra", {"huggingface_hub": hub}.__getitem__)
    found = find("Org/Tiny-3B")
    assert found.name == f"local:Tiny-3B@{find(str(folder)).fingerprint}"
    ((name, options),) = hub.asked
    assert name == "Org/Tiny-3B"
    assert options["ignore_patterns"] == "*/*"
    assert not any(pattern.endswith((".bin", ".py", "*")) for pattern in options["allow_patterns"])


def test_a_hub_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(ConnectionError("https://huggingface.co\nhf_token"))
    monkeypatch.setattr(local_checkpoint, "import_extra", {"huggingface_hub": hub}.__getitem__)
    with pytest.raises(InputError) as raised:
        find("org/gated")
    assert_one_line(raised.value, "neither a folder here nor a model", "ConnectionError", "gated", hidden="hf_token")


def test_a_missing_library_is_named_with_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(PrerequisiteError) as raised:
        LocalClient(str(folder))
    assert_one_line(raised.value, "needs torch", "pip install 'neuroonco[train]'", "whl/cpu", hidden="secret-place")


def test_a_broken_library_is_told_from_a_missing_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_library.py").write_text("raise OSError('libcudart.so.13: cannot open')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PrerequisiteError) as raised:
        import_extra("broken_library")
    assert raised.value.code == "EXTRA_BROKEN"


def test_batches_and_number_formats_are_checked() -> None:
    with pytest.raises(UsageError):
        LocalClient("anywhere", batch_size=0)
    with pytest.raises(UsageError) as raised:
        dtype_name("int3", "cpu")
    assert_one_line(raised.value, "int3", "bfloat16", hidden="Traceback")


def test_torch_is_imported_only_when_a_model_is_used() -> None:
    look = "sys.exit(not {'torch', 'transformers'}.isdisjoint(sys.modules))"
    code = f"import sys, neuroonco.cli, neuroonco.models.local; {look}"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_extra_is_locked_but_for_torch() -> None:
    import tomllib

    root = Path(__file__).parents[1]
    extra = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]["train"]
    locked = {line.partition("==")[0] for line in (root / "constraints.txt").read_text("utf-8").splitlines()}
    names = {requirement.partition(">=")[0] for requirement in extra}
    assert names - locked == {"torch"}
    assert "tokenizers" in locked


FAKE_PYTHON = """#!/bin/sh
if [ "$1" = -c ]; then
    [ -n "$TORCH" ] && echo "$TORCH" && exit 0
    echo "No package metadata was found for torch" >&2
    exit 1
fi
echo "$*" >> "$CALLS"
exit "$PIP"
"""


@pytest.mark.parametrize("there", ["2.5.1+cpu", "1.13.1", "2.13.0+cpu", "2.14.0", "2.7.0a0+gitabc", "2.9.1+cu130"])
@pytest.mark.parametrize("pip", [0, 1])
def test_a_torch_that_is_there_is_kept_whatever_its_version(tmp_path: Path, there: str, pip: int) -> None:
    done, calls = installed(tmp_path, torch=there, pip=pip)
    assert len(calls) == pip + 1
    for one in calls:
        assert one.split()[-3:] == [f"torch=={there}", "-e", ".[train]"]
    assert done.returncode == pip
    assert (f"torch=={there}" in done.stderr) is bool(pip)


def test_without_torch_the_small_build_is_taken(tmp_path: Path) -> None:
    done, calls = installed(tmp_path, torch="", pip=1)
    assert [any(word.startswith("torch==2.13.0") for word in one.split()) for one in calls] == [True, True]
    assert "--extra-index-url" in calls[1]
    assert done.returncode == 1
    assert done.stderr.startswith("note: the extra 'train'")


def installed(tmp_path: Path, *, torch: str, pip: int) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """What the script does with a Python that only notes what pip is asked for."""
    python, calls = tmp_path / "python", tmp_path / "calls"
    python.write_text(FAKE_PYTHON)
    python.chmod(0o755)
    script = Path(__file__).parents[1] / "scripts" / "install_local_models.sh"
    known = {"PATH": os.environ["PATH"], "TORCH": torch, "CALLS": str(calls), "PIP": str(pip)}
    done = subprocess.run(["sh", str(script), str(python)], env=known, capture_output=True, text=True, check=False)
    return done, calls.read_text().splitlines()


def test_leftovers_are_not_locked_and_the_extra_postgres_is() -> None:
    text = (Path(__file__).parents[1] / "constraints.txt").read_text("utf-8")
    locked = {line.partition("==")[0] for line in text.splitlines()}
    assert {"psycopg", "psycopg-binary"} <= locked
    assert not {"faiss-cpu", "isal", "tzdata"} & locked
