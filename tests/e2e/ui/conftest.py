"""The built web UI in a real Chromium, over a server whose runs real clients recorded.

``ui`` is one server for all tests; those that change something make an experiment of their
own. ``tab`` is a fresh tab, at whose end nothing may have gone wrong: no error on the console
(violations of the content security policy are some), no dialog, no request to anywhere else.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from assay.client.client import Client
from assay.entities import Metric
from assay.server.ui import STATIC
from tests.services.browser import Visit
from tests.services.mlflow_client import ServerProcess

# Other tests run beside these on the same two cores; what holds is seen as soon as it does.
expect.set_options(timeout=20_000)

ROOT = Path(__file__).parents[3]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<svg/onload=alert(1)>",
    "javascript:alert(1)//</title><b>",
    "{{7*7}}${7*7}&lt;b&gt;",
    "right\u202eleft\u2066 marks",
    "👩🏽‍🔬 emoji 🧪",
    "x" * 240,
]
RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3]


@pytest.fixture(scope="session")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with the experiment ``digits`` and the hostile one ``<script>…``."""
    assert (STATIC / "index.html").is_file(), "the web UI isn't built: make web"
    process = ServerProcess(tmp_path_factory.mktemp("ui"))
    process.start()
    try:
        client = Client(process.url)
        record_digits(client)
        record_hostile(client)
        yield process
    finally:
        process.stop()


@pytest.fixture
def client(ui: ServerProcess) -> Client:
    """A client of the server, to record more."""
    return Client(ui.url)


def record_digits(client: Client, name: str = "digits") -> str:
    """Twelve runs of two models with curves, of which one failed and one is still running."""
    experiment = client.create_experiment(name, tags={"team": "vision"})
    for place, rate in enumerate(RATES * 2):
        model = "sgd" if place < len(RATES) else "mlp"
        run = client.create_run(
            experiment, run_name=f"{model}-{rate}", start_time=1_760_000_000_000 + place * 60_000
        )
        ident = run.info.run_id
        client.log_param(ident, "learning_rate", rate)
        client.log_param(ident, "model", model)
        client.log_param(ident, "seed", 7)
        now = int(time.time() * 1000)
        points = [Metric("epochs", 30, now)]
        for step in range(30):
            loss = math.exp(-step * rate) + 0.05 * math.sin(step * 1.7 + place)
            points.append(Metric("train/loss", loss, now + 5 * step, step))
            points.append(Metric("val/accuracy", 1 - loss / 2, now + 5 * step, step))
        client.log_batch(ident, metrics=points)
        client.log_text(ident, f"rate: {rate}\n", "config.yaml")
        if place == 2:
            client.log_metric(ident, "broken", math.nan)
        if place != len(RATES) * 2 - 1:
            client.set_terminated(ident, "FAILED" if place == 5 else "FINISHED")
    return experiment


def record_hostile(client: Client) -> None:
    """Experiments, runs, keys and values with what must not come alive on a page."""
    for text in HOSTILE:
        experiment = client.create_experiment(text, tags={"note": text})
        run = client.create_run(experiment, run_name=text, tags={"harm": text})
        ident = run.info.run_id
        client.set_tag(ident, "mlflow.note.content", text)
        client.log_param(ident, "harm", text)
        client.log_metric(ident, "loss", math.inf)
        client.log_text(ident, text, "harm.html")


def experiment_id(server: ServerProcess, name: str = "digits") -> str:
    """The id of an experiment that was recorded."""
    found = Client(server.url).get_experiment_by_name(name)
    assert found is not None
    return found.experiment_id


@pytest.fixture(params=["light"])
def theme(request: pytest.FixtureRequest) -> str:
    """The colour scheme of the browser; parametrize it for pages that are looked at in both."""
    return str(request.param)


@pytest.fixture
def context(chromium: Browser, theme: str) -> Iterator[BrowserContext]:
    """A browser without a past."""
    made = chromium.new_context(
        color_scheme="dark" if theme == "dark" else "light",
        viewport={"width": 1280, "height": 800},
        reduced_motion="reduce",
    )
    made.set_default_timeout(30_000)
    yield made
    made.close()


@pytest.fixture
def tab(context: BrowserContext, ui: ServerProcess) -> Iterator[Visit]:
    """A fresh tab; at its end nothing may have gone wrong or elsewhere."""
    visit = Visit(context.new_page(), ui.url)
    yield visit
    assert visit.problems == []
    assert visit.foreign == []


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """Checks a page against the rules of WCAG 2.2 A and AA; it must have nothing to say.

    Dark pages differ from light ones, which every test has too, by their colours alone.
    """
    # The policy of the pages allows no script but theirs: what Playwright evaluates is exempt.
    source = AXE.read_text(encoding="utf-8")

    def check(page: Page) -> None:
        page.evaluate(source)
        found = page.evaluate(
            """async () => {
                const runOnly = matchMedia("(prefers-color-scheme: dark)").matches
                    ? ["color-contrast", "link-in-text-block"]
                    : ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
                const { violations } = await axe.run(document, { runOnly });
                return violations.map((one) => [one.id, one.help, one.nodes.map((n) => n.html)]);
            }"""
        )
        assert found == []

    return check
