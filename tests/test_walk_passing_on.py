"""Pictures whose terms do not permit it go to another machine only with a line that says so."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from closed_items import closed_item
from exported_benchmarks import closed_benchmark, open_benchmark, written
from neuroonco.build.records import ClosedItem, OpenItem
from neuroonco.cli.app import run
from neuroonco.models.endpoints import resolve
from neuroonco.predict.records import PictureMode
from neuroonco.sources import load_sources
from neuroonco.vocabulary import Redistribution
from neuroonco.walk.local_model import LocalModel, LocalOptions
from neuroonco.walk.models import NamedModel
from neuroonco.walk.passing_on import line_before_asking, line_of_export

OF = {
    terms: sorted(name for name, spec in load_sources().items() if spec.redistribution is terms)
    for terms in Redistribution
}
FORBIDDEN = [name for terms, names in OF.items() if terms is not Redistribution.IMAGES for name in names]


def items_of(*sources: str | None) -> list[ClosedItem]:
    return [closed_item(str(n), "A").model_copy(update={"source_id": name}) for n, name in enumerate(sources)]


def line(items: Sequence[ClosedItem | OpenItem], name: str = "openai:gpt-5", picture: PictureMode = PictureMode.TRUE):
    return line_before_asking(items, NamedModel(name, picture, resolve(name)), replay=False)


@pytest.mark.parametrize("terms", [terms for terms in Redistribution if OF[terms]])
def test_only_terms_that_permit_images_are_silent(terms: Redistribution) -> None:
    found = line(items_of(*OF[terms]))
    if terms is Redistribution.IMAGES:
        assert found is None
    else:
        assert found is not None
        assert found.startswith("pictures go to api.openai.com: ")
        assert f"{len(OF[terms])} of {len(OF[terms])} questions" in found


def test_forbidden_and_unknown_are_counted_apart() -> None:
    items = items_of(FORBIDDEN[0], None, OF[Redistribution.IMAGES][0], FORBIDDEN[0], "nobody")
    assert line(items) == (
        "pictures go to api.openai.com: 2 of 5 questions are from sources whose terms permit no images to be passed on "
        f"({FORBIDDEN[0]}), and of 2 of 5 the source is unknown"
    )
    assert line(items_of(None)) == "pictures go to api.openai.com: of 1 of 1 the source is unknown"
    assert line([]) is None


@pytest.mark.parametrize(
    ("name", "leaves"),
    [
        ("vllm:a", False),
        ("ollama:qwen3-vl:8b", False),
        ("vllm:a@http://127.0.0.1:8000/v1", False),
        ("vllm:a@http://127.9.9.9/v1", False),
        ("vllm:a@http://localhost:8000/v1", False),
        ("server:a@http://[::1]:8000/v1", False),
        ("vllm:a@http://192.168.1.7:8000/v1", True),
        ("vllm:a@http://gpu-box:8000/v1", True),
        ("server:a@https://localhost.example.org/v1", True),
        ("vllm:a@http://0.0.0.0.example:8000/v1", True),
        ("anthropic:claude", True),
        ("gemini:gemini-2.5-pro", True),
        ("openrouter:a/b", True),
    ],
)
def test_only_another_machine_counts(name: str, leaves: bool) -> None:
    assert (line(items_of(FORBIDDEN[0]), name) is not None) is leaves


def test_who_is_shown_no_picture_or_is_here_is_silent() -> None:
    items = items_of(FORBIDDEN[0])
    assert line(items, picture=PictureMode.SHUFFLED) is not None
    assert line(items, picture=PictureMode.NONE) is None
    assert line(items, picture=PictureMode.BLANK) is None
    model = resolve("openai:gpt-5")
    assert line_before_asking(items, NamedModel("m", PictureMode.TRUE, model), replay=True) is None
    local = LocalModel("nowhere", LocalOptions())
    assert line_before_asking(items, NamedModel("local:nowhere", PictureMode.TRUE, local), replay=False) is None
    assert line_before_asking(items, NamedModel("always-e"), replay=False) is None


def test_many_sources_are_one_short_line() -> None:
    found = line(items_of(*FORBIDDEN[:12]))
    assert found is not None
    assert f"and {min(len(FORBIDDEN), 12) - 8} more" in found
    assert "\n" not in found
    assert len(found) < 300


@pytest.mark.parametrize("make", [closed_benchmark, open_benchmark])
def test_an_export_says_it_once(tmp_path: Path, make, capsys: pytest.CaptureFixture[str]) -> None:
    items = [item.model_copy(update={"source_id": FORBIDDEN[0]}) for item in make(tmp_path)]
    own = [item for item in items if getattr(item, "twin_of", None) is None]
    arguments = [str(written(tmp_path, items)), "--root", str(tmp_path), "--out", str(tmp_path / "out")]
    assert run(["export", "inspect", *arguments]) == 0
    err = capsys.readouterr().err
    assert err.count("permit no images") == 1
    assert f"{len(own)} of {len(own)} questions" in err
    assert line_of_export(items_of(*OF[Redistribution.IMAGES])) is None


def test_predict_says_it_before_it_asks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [item.model_copy(update={"source_id": FORBIDDEN[0]}) for item in closed_benchmark(tmp_path, images=1)]
    monkeypatch.setenv("VLLM_API_KEY", "")
    monkeypatch.setattr("neuroonco.cli.predict.evaluate", lambda *_args, **_more: 1 / 0)
    arguments = [str(written(tmp_path, items)), "--root", str(tmp_path), "--out", str(tmp_path / "out"), "--model"]
    for model, said in (("vllm:a@http://gpu.invalid:1/v1", 1), ("vllm:a@http://127.0.0.1:1/v1", 0)):
        with pytest.raises(ZeroDivisionError):
            run(["predict", *arguments, model])
        assert capsys.readouterr().err.count("permit no images") == said
