"""A model's name leads to one endpoint, or to one line that says why not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroonco.errors import InputError, NeuroOncoError, PrerequisiteError, UsageError
from neuroonco.models.endpoints import is_loopback, load_endpoints, resolve, shipped

MINE = """
[mine]
description = "a server in the cellar"
source = "the label on it"
base_url = "https://models.example.org/v1"
key_variable = "MINE_KEY"
price_usd_per_million = { input = 1.5, output = 6.0 }

[mine.models."big-*"]
price_usd_per_million = { input = 15.0, output = 60.0 }
concurrency = 2

[openai]
description = "another one"
source = "test"
base_url = "https://proxy.example.org/v1"
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "endpoints.toml"
    path.write_text(MINE, "utf-8")
    return path


def test_shipped_endpoints_say_where_they_are_from_and_name_no_price() -> None:
    assert {"openai", "anthropic", "gemini", "vllm", "sglang", "ollama", "openrouter", "transformers", "server"} == set(
        shipped()
    )
    for endpoint in shipped().values():
        assert len(endpoint.description) > 10
        assert len(endpoint.source) > 5
        assert endpoint.price_usd_per_million is None
        assert endpoint.base_url is None or endpoint.base_url.startswith("https://") or "127.0.0.1" in endpoint.base_url


@pytest.mark.parametrize(
    ("name", "model_id", "base_url"),
    [
        ("ollama:qwen3-vl:8b", "qwen3-vl:8b", "http://127.0.0.1:11434/v1"),
        ("vllm:Qwen/Qwen3-VL@http://gpu-7:8000/v1", "Qwen/Qwen3-VL", "http://gpu-7:8000/v1"),
        ("server:claude@20250101@https://h.example/v1", "claude@20250101", "https://h.example/v1"),
        ("server:x", "x", None),
    ],
)
def test_names_are_taken_apart(name: str, model_id: str, base_url: str | None) -> None:
    resolved = resolve(name)
    assert (resolved.model_id, resolved.base_url) == (model_id, base_url)
    if name.startswith("server:") and base_url is not None:
        assert resolved.name == name
    else:
        assert resolved.name == f"{name.split(':')[0]}:{model_id}"


def test_the_name_holds_no_url_so_that_a_moved_server_is_the_same_model() -> None:
    assert resolve("vllm:m@http://127.0.0.1:1/v1").name == resolve("vllm:m@https://x.example/v1").name == "vllm:m"


def test_two_servers_that_nobody_declared_are_not_the_same_model(mine: Path) -> None:
    one, other = (resolve(f"server:m@http://{host}/v1").name for host in ("127.0.0.1:1", "127.0.0.1:2"))
    assert one != other
    assert resolve("server:m@http://127.0.0.1:1/v1/").name == one == "server:m@http://127.0.0.1:1/v1"
    assert resolve("mine:m@http://127.0.0.1:1/v1", mine).name == "mine:m"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("gpt-5", "MODEL_NAME_INVALID"),
        ("openai:", "MODEL_NAME_INVALID"),
        (":gpt-5", "MODEL_NAME_INVALID"),
        ("openai:gpt 5", "MODEL_NAME_INVALID"),
        ("openai:gpt\n5", "MODEL_NAME_INVALID"),
        ("opnai:gpt-5", "PROVIDER_UNKNOWN"),
        ("vllm:m@http://user:secret@host/v1", "URL_INVALID"),
        ("vllm:m@https://host/v1?key=secret", "URL_INVALID"),
        ("vllm:m@http://", "URL_INVALID"),
        ("vllm:m@http://host:99999/v1", "URL_INVALID"),
        ("vllm:m@http://ho st/v1", "URL_INVALID"),
    ],
)
def test_wrong_names_are_one_line_without_what_may_be_a_key(name: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(name)
    assert caught.value.code == code
    assert "\n" not in caught.value.line
    assert "secret" not in caught.value.line


@given(st.text(max_size=60))
def test_any_text_is_a_model_or_one_line(name: str) -> None:
    line = "x"
    try:
        resolve(name)
    except NeuroOncoError as error:
        line = error.line
    assert line.isprintable()


def test_a_users_entry_takes_the_place_of_a_shipped_one(mine: Path) -> None:
    found = load_endpoints(mine)
    assert found["openai"].base_url == "https://proxy.example.org/v1"
    assert found["openai"].json_schema == "none"
    assert found["vllm"] == shipped()["vllm"]


def test_a_users_file_is_found_by_its_variable(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROONCO_ENDPOINTS", str(mine))
    assert "mine" in load_endpoints()


def test_terms_differ_by_model(mine: Path) -> None:
    big, small = (resolve(f"mine:{name}", mine).endpoint for name in ("big-1", "small"))
    assert big.price_usd_per_million is not None
    assert small.price_usd_per_million is not None
    assert (big.price_usd_per_million.output, big.concurrency) == (60.0, 2)
    assert (small.price_usd_per_million.output, small.concurrency) == (6.0, 8)


@pytest.mark.parametrize(
    ("model", "supported"), [("gpt-5", False), ("gpt-5.1-chat-latest", True), ("gpt-4.1", True), ("o4-mini", False)]
)
def test_models_that_reason_are_sent_no_temperature(model: str, supported: bool) -> None:
    assert resolve(f"openai:{model}").endpoint.temperature_supported is supported


@pytest.mark.parametrize(
    ("name", "thinks"),
    [
        ("openai:gpt-5-mini", True),
        ("openai:o4-mini", True),
        ("openai:gpt-5-chat-latest", False),
        ("openai:gpt-4o-mini", False),
        ("gemini:gemini-2.5-flash", True),
        ("gemini:gemini-2.0-flash", False),
        ("vllm:Qwen/Qwen3-VL-8B-Instruct", False),
    ],
)
def test_models_that_reason_have_room_for_it(name: str, thinks: bool) -> None:
    assert (resolve(name).endpoint.reasoning_tokens > 0) is thinks


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[a]\ndescription="x"\nsource="y"\nadapter="anthropic"\nreasoning_effort="low"', "for the adapter openai"),
        (
            '[a]\ndescription="x"\nsource="y"\nadapter="anthropic"\n[a.models.b]\nreasoning_effort="low"',
            "for the adapter openai",
        ),
        ("[a]\nprice = 1", "description"),
        ('[a]\ndescription="x"\nsource="y"\nkey="sk-planted"', "a.key"),
        ('[a]\ndescription="x"\nsource="y"\nadapter="sk-planted"', "a.adapter"),
        ('[a]\ndescription="x"\nsource="y"\nbase_url="https://h/?key=sk-planted"', "holds no user"),
        ('a = "x"', "'a' is no table"),
        ('["a:b"]\ndescription="x"', "'a:b' is no table"),
        ("[a", "not TOML"),
    ],
)
def test_a_wrong_file_is_one_line_with_its_place(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(NeuroOncoError) as caught:
        load_endpoints(path)
    assert says in caught.value.line
    assert "sk-planted" not in caught.value.line


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xff\xfe[")
    for name in ("absent", "latin", "."):
        with pytest.raises(InputError) as caught:
            load_endpoints(tmp_path / name)
        assert caught.value.code == "ENDPOINTS_UNREADABLE"


def test_a_missing_key_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    resolved = resolve("openai:gpt-5")
    with pytest.raises(PrerequisiteError) as caught:
        resolved.connection()
    assert caught.value.code == "KEY_MISSING"
    assert "OPENAI_API_KEY" in caught.value.fix


def test_a_key_that_is_none_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "planted\nInjected: header")
    with pytest.raises(PrerequisiteError) as caught:
        resolve("openai:gpt-5").connection()
    assert caught.value.code == "KEY_INVALID"
    assert "planted" not in caught.value.line


def test_a_server_without_a_url_is_an_error_only_when_it_is_asked() -> None:
    resolved = resolve("server:m")
    assert resolved.name == "server:m"
    with pytest.raises(UsageError, match="URL_MISSING"):
        resolved.connection()


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://localhost:8000/v1", True),
        ("http://[::1]:8000/v1", True),
        ("https://far.example/v1", True),
        ("http://far.example/v1", False),
        ("http://localhost.far.example/v1", False),
        ("http://10.0.0.5:8000/v1", False),
    ],
)
def test_a_key_does_not_travel_in_plain_text(url: str, fine: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "planted")
    resolved = resolve(f"vllm:m@{url}")
    if fine:
        assert resolved.connection().key == "planted"
        assert "planted" not in repr(resolved.connection())
    else:
        with pytest.raises(PrerequisiteError, match="URL_INSECURE"):
            resolved.connection()
        permitted = resolved.endpoint.model_copy(update={"plain_http_allowed": True})
        assert resolved.model_copy(update={"endpoint": permitted}).connection().key == "planted"


def test_without_a_key_plain_http_is_the_users_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    assert resolve("vllm:m@http://gpu-7:8000/v1").connection().key is None


@pytest.mark.parametrize(
    ("host", "here"), [("127.8.8.8", True), ("::1", True), ("127.0.0.1.example", False), ("", False)]
)
def test_loopback_is_told_by_the_name_alone(host: str, here: bool) -> None:
    assert is_loopback(host) is here


@pytest.mark.parametrize("name", ["vllm:m@ftp://x", "vllm:m@localhost:8123/v1", "vllm:m@host/v1", "vllm:m@host:80"])
def test_an_address_without_a_scheme_is_no_part_of_a_model_s_name(name: str) -> None:
    with pytest.raises(UsageError, match="looks like an address"):
        resolve(name)


def test_a_model_id_may_hold_an_at_sign() -> None:
    assert resolve("vllm:org/model@main").model_id == "org/model@main"
