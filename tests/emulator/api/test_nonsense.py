"""Whatever a client sends, the answer is a refusal in Google's words and never an internal error."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.emulator import HTTP, RunningEmulator
from tests.support.plain import Plain

DIGITS = "9" * 5000
HEAD = b'--cut\r\n\r\n{"name": %s}\r\n--cut\r\n\r\nx\r\n--cut--'
MULTIPART = {"content-type": "multipart/related; boundary=cut"}
BATCH = {"content-type": "multipart/mixed; boundary=cut"}

REQUESTS: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "a range of a download that no disk holds": (
        "GET", "storage/v1/b/{b}/o/a?alt=media", {"headers": {"range": f"bytes={DIGITS}-"}}, 416,
    ),
    "a generation with too many digits": ("GET", f"storage/v1/b/{{b}}/o/a?generation={DIGITS}", {}, 400),
    "a project number with too many digits": ("GET", f"v1/projects/{DIGITS}/locations/us-central1/models", {}, 400),
    "a name that is a list": (
        "POST", "upload/storage/v1/b/{b}/o?uploadType=multipart", {"content": HEAD % b'["a"]', "headers": MULTIPART}, 400,
    ),
    "a name that is half a sign": (
        "POST", "upload/storage/v1/b/{b}/o?uploadType=multipart",
        {"content": HEAD % rb'"\ud800"', "headers": MULTIPART}, 400,
    ),
    "metadata that is half a sign": (
        "POST", "upload/storage/v1/b/{b}/o?uploadType=resumable",
        {"content": rb'{"name": "a", "metadata": {"x": "\ud800"}}'}, 400,
    ),
    "no finite number": ("PATCH", "storage/v1/b/{b}/o/a", {"content": b'{"metadata": {"a": 1e999}}'}, 400),
    "a part of nothing": ("PUT", "{b}/a?uploadId=x", {"content": b"x"}, 400),
    "a batch whose line is not ASCII": (
        "POST", "batch/storage/v1",
        {"content": b"--cut\r\n\r\nGET /\xff HTTP/1.1\r\n\r\n\r\n--cut--", "headers": BATCH}, 200,
    ),
    "a content type that begins another header": (
        "POST", "upload/storage/v1/b/{b}/o?uploadType=resumable&name=h",
        {"content": rb'{"contentType": "text/plain\r\nset-cookie: a=b"}'}, 400,
    ),
    "a content type that no header holds": (
        "PATCH", "storage/v1/b/{b}/o/a", {"content": b'{"contentType": "\xe2\x82\xac"}'}, 400,
    ),
    "a page token that is not ASCII": ("GET", "v1/projects/p/locations/us-central1/models?pageToken=\u00fc", {}, 400),
    "a page token that is no base64": ("GET", "v1/projects/p/locations/us-central1/models?pageToken=%21", {}, 400),
    "a page of no buckets": ("GET", "storage/v1/b?project=p&maxResults=0", {}, 400),
}  # fmt: skip


@pytest.mark.parametrize("reason", REQUESTS)
def test_nonsense_is_a_bad_request(plain: Plain, reason: str) -> None:
    method, path, options, status = REQUESTS[reason]
    plain.put("a", b"x")

    response = httpx.request(
        method, f"{plain.url}/{path.replace('{b}', plain.bucket)}", timeout=60, **options
    )

    assert response.status_code == status, response.text
    assert "Internal error" not in response.text
    if path.startswith("{b}/"):
        assert response.headers["content-type"] == "application/xml"


names = st.text(max_size=12) | st.sampled_from(["a", "..", "x" * 2000, DIGITS])
numbers = st.integers().map(str) | st.text(max_size=5) | st.sampled_from([DIGITS, "-0", "1e3", "٣", "²"])
queries = st.dictionaries(
    st.sampled_from(
        ["generation", "ifGenerationMatch", "ifMetagenerationNotMatch", "maxResults", "pageToken", "prefix",
         "delimiter", "matchGlob", "startOffset", "endOffset", "name", "alt", "uploadType", "upload_id",
         "uploadId", "partNumber", "uploads", "versions", "project", "sourceGeneration"]
    ),
    numbers | names,
    max_size=4,
)  # fmt: skip
header_values = st.text(
    st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=12
) | st.sampled_from(
    ["bytes 0-9/10", f"bytes 0-{DIGITS}/*", f"bytes={DIGITS}-", "bytes=-0", "bytes */*", 'W/"a"', "*"]
)
headers = st.dictionaries(
    st.sampled_from(
        ["range", "content-range", "if-match", "if-none-match", "x-goog-hash", "content-md5",
         "x-upload-content-type", "x-goog-if-generation-match"]
    ),
    header_values,
    max_size=2,
)  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
)
bodies = st.dictionaries(
    st.sampled_from(
        ["name", "metadata", "contentType", "sourceObjects", "destination", "labels", "storageClass", "bindings",
         "iamConfiguration", "crc32c", "md5Hash", "etag"]
    ),
    json_values,
    max_size=3,
)  # fmt: skip
ROUTES = (
    "storage/v1/b", "storage/v1/b/{b}", "storage/v1/b/{b}/o", "storage/v1/b/{b}/o/{n}", "storage/v1/b/{b}/iam",
    "storage/v1/b/{b}/o/{n}/compose", "storage/v1/b/{b}/o/a/copyTo/b/{b}/o/{n}", "upload/storage/v1/b/{b}/o",
    "download/storage/v1/b/{b}/o/{n}", "{b}/{n}",
)  # fmt: skip


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]),
    route=st.sampled_from(ROUTES),
    name=names,
    query=queries,
    header=headers,
    body=bodies | json_values,
)
def test_no_request_to_cloud_storage_is_an_internal_error(
    emulator: RunningEmulator,
    plain: Plain,
    method: str,
    route: str,
    name: str,
    query: dict[str, str],
    header: dict[str, str],
    body: Any,
) -> None:
    if method == "DELETE" and route == "storage/v1/b/{b}":
        return
    plain.put("a", b"0123456789")
    path = route.replace("{b}", plain.bucket).replace("{n}", quote(name[:300] or "a", safe=""))
    options: dict[str, Any] = {} if method in {"GET", "DELETE"} else {"json": body}

    response = HTTP.request(method, f"{emulator.url}/{path}", params=query, headers=header, **options)

    assert response.status_code < 500 or response.status_code in {501, 503}, response.text
