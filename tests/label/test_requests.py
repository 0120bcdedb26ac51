"""No request reads or writes outside the studies, whatever it is encoded as."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.label.conftest import SEGMENTER, draw_studies, make_bundle

pytestmark = pytest.mark.slow
LIMIT = "limit-of-this-form"


@pytest.fixture(scope="module")
def server(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("server")
    bundle, studies = make_bundle(root / "bundles"), draw_studies(root / "studies", 2, 0)
    secret = draw_studies(root / "elsewhere", 1, 0) / "rgb0.png"
    (studies / "way_out.png").symlink_to(secret)
    with serve([bundle], studies) as running:
        yield SimpleNamespace(**vars(running), root=root, studies=studies, secret=secret, models=bundle / "models")


def ask(
    server: Any,
    method: str,
    path: str,
    form: dict[str, str] | None = None,
    file: tuple[str, str, bytes] | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, str]:
    """Status and text of an answer; ``file`` is (field, name, content)."""
    body = b""
    for name, value in (form or {}).items():
        body += f'--{LIMIT}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    if file:
        body += f'--{LIMIT}\r\nContent-Disposition: form-data; name="{file[0]}"; filename="{file[1]}"\r\n\r\n'.encode()
        body += file[2] + b"\r\n"
    kind = {"Content-Type": f"multipart/form-data; boundary={LIMIT}"} if body else {}
    body += f"--{LIMIT}--\r\n".encode() if body else b""
    request = urllib.request.Request(server.url + path, body or None, {**kind, **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as reply:
            return reply.status, reply.read().decode("latin-1")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("latin-1")


def files(server: Any) -> dict[str, bytes]:
    paths = (path for path in sorted(server.root.rglob("*")) if path.is_file() and path.suffix not in (".log", ".json"))
    return {str(path): path.read_bytes() for path in paths}


ESCAPES = [
    "/var/written_by_a_request", "../written", "..%2Fwritten", "%2e%2e%2fwritten", "%252e%252e%252fwritten",
    "..%5Cwritten", "a%00b", "..", ".", "a%0Ab", "....//written", "%2Fetc%2Fpasswd", ".hidden",
]  # fmt: skip


@pytest.mark.parametrize("name", ESCAPES)
def test_nothing_is_written_outside(server: Any, name: str) -> None:
    before, picture = files(server), (server.studies / "rgb0.png").read_bytes()
    for method, path, field in (
        ("PUT", f"/datastore/?image={name}", "file"),
        ("PUT", f"/datastore/image?image={name}", "file"),
        ("PUT", f"/datastore/label?image=rgb0&tag={name}", "label"),
        ("PUT", f"/datastore/label?image={name}&tag=final", "label"),
    ):
        status, said = ask(server, method, path, {"params": "{}"}, (field, "x.png", picture))
        assert status == 400, said
        assert "Expected" in said
    assert files(server) == before


@pytest.mark.parametrize("name", [*ESCAPES, "way_out", "elsewhere%2Frgb0", "main.py", "model"])
def test_nothing_is_read_outside(server: Any, name: str) -> None:
    for method, path in (
        ("POST", f"/infer/{SEGMENTER}?image={name}"),
        ("GET", f"/datastore/image?image={name}"),
        ("GET", f"/datastore/image/info?image={name}"),
        ("GET", f"/datastore/label?label={name}&tag=final"),
        ("GET", f"/datastore/label?label=rgb0&tag={name}/x"),
        ("GET", f"/session/{name}"),
        ("DELETE", f"/session/{name}"),
        ("POST", f"/infer/{SEGMENTER}?session_id={name}"),
    ):
        status, said = ask(server, method, path, {"params": "{}"} if method == "POST" else None)
        assert status in (400, 404, 405), f"{method} {path}: {status} {said}"


@pytest.mark.parametrize(
    "params",
    [
        {"image": "{secret}"},
        {"label": "{secret}"},
        {"result_extension": "/../../written.png"},
        {"result_dtype": "object"},
        {"device": "$__import__('os').system('touch {secret}.evaluated')"},
        {"model_filename": "../../other.pt"},
        {"model_filename": "unknown.pt"},
        {"save_label": True, "label_tag": "../../written"},
    ],
)
def test_settings_of_an_inference_are_chosen_not_evaluated(server: Any, params: dict[str, Any]) -> None:
    before = files(server)
    text = json.dumps(params).replace("{secret}", str(server.secret))
    status, said = ask(server, "POST", f"/infer/{SEGMENTER}?image=rgb0", {"params": text})
    assert status == 400, said
    assert "Expected" in said
    assert files(server) == before


def test_originals_and_models_are_not_replaced_or_deleted(server: Any) -> None:
    before, content = files(server), b"other"
    for method, path, file in (
        ("DELETE", "/datastore/?id=rgb0", None),
        ("DELETE", "/datastore/image?id=rgb0", None),
        ("PUT", "/datastore/?image=rgb0", ("file", "x.png", content)),
        ("PUT", f"/model/{SEGMENTER}", ("file", "x.pt", content)),
        ("DELETE", f"/model/{SEGMENTER}", None),
        ("PUT", "/session/?uncompress=true", ("files", "x.tar", content)),
        ("POST", "/infer/wsi/" + SEGMENTER + "?image=rgb0", None),
        ("PUT", "/datastore/?image=", ("file", "..", content)),
        ("PUT", "/datastore/label?image=rgb0&tag=history", ("label", "x.png", content)),
    ):
        status, said = ask(server, method, path, None, file)
        assert status == 400, f"{method} {path}: {status} {said}"
        assert "Expected" in said
    assert files(server) == before


def test_a_new_study_has_a_plain_name(server: Any) -> None:
    picture = (server.studies / "rgb0.png").read_bytes()
    status, said = ask(server, "PUT", "/datastore/?image=Fall%207%20(links)", None, ("file", "x.png", picture))
    assert status == 200, said
    assert (server.studies / "Fall 7 (links).png").read_bytes() == picture
    (server.studies / "Fall 7 (links).png").unlink()


def test_slicer_downloads_each_version_under_a_name_of_its_own(server: Any) -> None:
    """The path would load numbered pictures as one stack, and Slicer takes a download of the same name from before."""
    sample = server.client.next_sample("first", {})
    assert "path" not in sample
    assert Path(sample["name"]).suffix in (".png", ".jpg")
    assert not any(character.isdigit() for character in sample["name"])
    assert sample["PatientID"] == sample["id"]
    status, said = ask(server, "GET", f"/datastore/image?image={sample['id']}")
    assert status == 200, said


def test_pages_load_nothing_from_elsewhere(server: Any) -> None:
    for path in ("/", "/docs", "/logs/"):
        status, text = ask(server, "GET", path)
        assert status == 200
        assert "<script" not in text
        assert "cdn" not in text.lower() or path == "/logs/"


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
def test_what_another_page_asks_without_an_origin(server: Any, site: str, status: int) -> None:
    assert ask(server, "GET", "/info/", headers={"Sec-Fetch-Site": site})[0] == status
