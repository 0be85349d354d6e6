"""What a real Chromium shows of files, and what their scripts can't do."""

from __future__ import annotations

import http.server
import io
import struct
import threading
import time
import zlib
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from assay.server.files.figures import LIBRARIES
from assay.server.ui import STATIC
from tests.services.mlflow_client import ServerProcess
from tests.unit.server.test_run_files import Files

PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R>>endobj\n"
    b"4 0 obj<</Length 30>>stream\n1 0 0 rg 0 0 200 200 re f     \nendstream endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))
        )

    rows = (b"\0" + b"\xff\0\0" * width) * height
    head = struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def wav(seconds: int) -> bytes:
    data = b"\0\0" * 8_000 * seconds
    form = struct.pack("<4sLHHLLHH", b"fmt ", 16, 1, 1, 8_000, 16_000, 2, 16)
    inner = b"WAVE" + form + b"data" + struct.pack("<L", len(data)) + data
    return b"RIFF" + struct.pack("<L", len(inner)) + inner


@pytest.fixture(scope="module")
def files(assay_server: ServerProcess) -> Files:
    made = Files(assay_server)
    made.write("a.png", png(30, 20))
    made.write("a.wav", wav(2))
    made.write("a.pdf", PDF)
    made.write("a.txt", b"<b>plain</b>")
    return made


@pytest.fixture
def page(chromium: Browser, files: Files) -> Iterator[Page]:
    """A page of the server's own origin, under the policy of the UI's pages."""
    page = chromium.new_page()
    policy = (
        "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self'; img-src 'self';"
        " media-src 'self'; frame-src 'self'; connect-src 'self'"
    )
    page.route(
        files.server.url + "/own-page",
        lambda route: route.fulfill(
            body="<!doctype html><body></body>",
            headers={"content-security-policy": policy, "content-type": "text/html"},
        ),
    )
    page.goto(files.server.url + "/own-page")
    yield page
    page.close()


@pytest.fixture
def spy() -> Iterator[tuple[str, list[str]]]:
    """A foreign server, and what was asked of it."""
    seen: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join()
    server.server_close()


def add(page: Page, tag: str, url: str, **attributes: str) -> None:
    page.evaluate(
        """([tag, url, attributes]) => {
            const element = document.createElement(tag);
            for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
            element.src = url;
            document.body.append(element);
        }""",
        [tag, url, attributes],
    )


def test_pictures_and_sound_play_in_a_page_of_ours(page: Page, files: Files) -> None:
    add(page, "img", files.url("raw", path="a.png"))
    page.wait_for_function("document.querySelector('img').naturalWidth === 30")
    add(page, "audio", files.url("raw", path="a.wav"), preload="auto")
    page.wait_for_function("document.querySelector('audio').readyState >= 3")
    page.evaluate("document.querySelector('audio').currentTime = 1.5")
    page.wait_for_function("document.querySelector('audio').currentTime === 1.5")
    assert page.evaluate("document.querySelector('audio').duration") == 2


def test_a_text_shows_in_a_frame_as_text(page: Page, files: Files) -> None:
    add(page, "iframe", files.url("raw", path="a.txt"))
    frame = page.frame_locator("iframe")
    assert frame.locator("body").inner_text() == "<b>plain</b>"


def test_a_pdf_shows_in_a_frame(page: Page, files: Files) -> None:
    add(page, "iframe", files.url("raw", path="a.pdf"), width="300", height="300")
    # The viewer's own document is closed to scripts: only its picture tells.
    end = time.monotonic() + 20
    while centre(page.screenshot()) != (255, 0, 0):
        assert time.monotonic() < end, "the PDF was not drawn"


def centre(screenshot: bytes) -> tuple[int, int, int]:
    """The colour in the middle of the frame, which lies in the page's upper left corner."""
    picture = Image.open(io.BytesIO(screenshot)).convert("RGB")
    red, green, blue = picture.getpixel((150, 150))
    return red, green, blue


FIGURE = """<!doctype html><p id='out'>waiting</p><script>
const told = [];
const attempt = async (name, call) => {
  try { await call(); told.push(name + ' worked'); } catch (error) { told.push(name + ' failed'); }
};
(async () => {
  await attempt('eval', () => eval('1'));
  await attempt('storage', () => localStorage.length);
  await attempt('cookie', () => document.cookie);
  await attempt('parent', () => parent.document.body);
  await attempt('fetch', () => fetch('SPY/fetch'));
  await attempt('own', () => fetch('/api/assay/v1/info'));
  navigator.sendBeacon('SPY/beacon', 'x');
  await attempt('image', () => new Promise((yes, no) => {
    const image = new Image(); image.onload = yes; image.onerror = no; image.src = 'SPY/image';
  }));
  await attempt('script', () => new Promise((yes, no) => {
    const script = document.createElement('script');
    script.onload = yes; script.onerror = no; script.src = 'SPY/script.js';
    document.body.append(script);
  }));
  await attempt('popup', () => { if (!window.open('SPY/popup')) throw 1; });
  await attempt('top', () => { top.location = 'SPY/top'; });
  const form = document.createElement('form');
  form.action = 'SPY/form'; document.body.append(form); form.submit();
  document.getElementById('out').textContent = told.join(', ');
})();
</script>"""


def test_a_figure_runs_but_reaches_nothing(
    page: Page, files: Files, spy: tuple[str, list[str]]
) -> None:
    address, seen = spy
    files.write("fig.html", FIGURE.replace("SPY", address).encode())
    add(page, "iframe", files.url("figure", path="fig.html"), sandbox="allow-scripts")
    out = page.frame_locator("iframe").locator("#out")
    out.get_by_text("eval").wait_for()
    assert out.inner_text() == (
        "eval worked, storage failed, cookie failed, parent failed, fetch failed, own failed,"
        " image failed, script failed, popup failed, top failed"
    )
    assert seen == []
    assert page.url.endswith("/own-page")


def test_a_figure_can_not_lead_its_frame_elsewhere(
    page: Page, files: Files, spy: tuple[str, list[str]]
) -> None:
    address, seen = spy
    files.write("leave.html", f"<script>location = '{address}/leave'</script>".encode())
    with page.expect_event(
        "console", lambda message: "frame-src" in message.text or "Framing" in message.text
    ):
        add(page, "iframe", files.url("figure", path="leave.html"), sandbox="allow-scripts")
    assert seen == []


def test_a_figure_opened_alone_has_no_rights_either(page: Page, files: Files) -> None:
    content = (
        b"<p id='out'></p><script>let t = 'opaque'; try { localStorage.length; t = 'ours' }"
        b" catch {} document.getElementById('out').textContent = t</script>"
    )
    files.write("alone.html", content)
    page.goto(files.server.url + files.url("figure", path="alone.html"))
    assert page.locator("#out").inner_text() == "opaque"


def test_html_that_is_opened_as_bytes_is_saved_and_not_run(page: Page, files: Files) -> None:
    files.write("evil.html", b"<script>document.title = 'ran'</script>")
    with page.expect_download() as download:
        page.evaluate("(url) => { location = url }", files.url("raw", path="evil.html"))
    assert download.value.suggested_filename == "evil.html"
    assert page.title() != "ran"


PLOTLY = b'{"data": [{"type": "bar", "y": [1, 3, 2]}], "layout": {"title": {"text": "Bars"}}}'
VEGA_LITE = (
    b'{"$schema": "https://vega.example/schema/vega-lite/v5.json", "mark": "bar",'
    b' "data": {"values": [{"a": "x", "b": 1}, {"a": "y", "b": 2}]},'
    b' "encoding": {"x": {"field": "a"}, "y": {"field": "b", "type": "quantitative"}}}'
)
FROM_A_CDN = (
    b"<div id='f'></div><script src='https://cdn.example/plotly-2.35.2.min.js'></script>"
    b"<script>Plotly.newPlot('f', [{y: [1, 2]}])</script>"
)


@pytest.mark.parametrize(
    ("name", "content", "drawn"),
    [
        ("fig.plotly.json", PLOTLY, ".main-svg .bars .point"),
        ("chart.json", VEGA_LITE, "canvas.marks, svg.marks"),
        ("cdn.html", FROM_A_CDN, ".main-svg .trace"),
    ],
)
def test_figures_are_drawn_without_the_internet(
    page: Page, files: Files, name: str, content: bytes, drawn: str
) -> None:
    for library in LIBRARIES:
        assert (STATIC / "figure-libs" / library).is_file(), "the web UI isn't built: make web"
    foreign: list[str] = []
    page.on(
        "request",
        lambda r: None if r.url.startswith((files.server.url, "data:")) else foreign.append(r.url),
    )
    files.write(name, content)
    add(page, "iframe", files.url("figure", path=name), sandbox="allow-scripts", height="400")
    page.frame_locator("iframe").locator(drawn).first.wait_for(state="attached")
    assert foreign == []
