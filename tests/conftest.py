"""Fixtures of all tests: seeds, memory full of NaN, the registry as it was, one-line errors, a browser."""

import contextlib
import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import jaxtyping
import pytest
import torch

from seqmodels import registry
from seqmodels.errors import SeqmodelsError
from seqmodels.trees import sequence_cells

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CELLS = sequence_cells()  # tests/trees has those for trees, which are cells of sequences, too

# A test process holds a million objects that stay: to look through them for garbage takes a tenth of its time, and on
# a busy machine many seconds at once.
gc.set_threshold(10_000)

# Tests run in parallel processes, one thread each; torch.empty gives NaN, so that reading it shows.
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True, warn_only=True)

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("tests")


def pytest_collection_finish() -> None:
    """What is there before the first test stays: it is looked through no more."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _registry_as_it_was() -> Iterator[None]:
    """A test that leaves a cell registered fails itself, instead of another in its process."""
    before = set(registry._registered)
    yield
    if left := registry._registered.keys() - before:
        assert left <= set(registry.builtin_names()), "registered for good; use the fixture own_registry"


@pytest.fixture(params=CELLS)
def cell_name(request: pytest.FixtureRequest) -> str:
    """Each registered cell in turn."""
    return request.param


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells registered in the test are forgotten after it."""
    for name in registry.builtin_names():
        registry.get_cell(name)
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))


@pytest.fixture
def _types_unchecked() -> Iterator[None]:
    """Off with the run-time type checks of the tests, so that a wrong type meets the library's own error."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def one_line() -> Callable:
    """``with one_line(InputError, "lengths[1]", "0 to T"):`` an error of that class, of one line, with these parts."""

    @contextlib.contextmanager
    def check(kind: type[SeqmodelsError], *parts: str) -> Iterator[None]:
        with pytest.raises(kind) as caught:
            yield
        message = str(caught.value)
        assert "\n" not in message
        for part in parts:
            assert part in message

    return check


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Chromium. A module's, no session's: while it is there, the process has a running asyncio loop."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine (apt-get install chromium)")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (pip install playwright)"
    )
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def show_file(browser) -> Iterator[Callable]:
    """Opens an HTML file; fails at the end if anything was said on the console or asked of another place."""
    trouble: list[str] = []
    pages = []

    def show(file: Path, width: int = 1280, **options):
        page = browser.new_page(viewport={"width": width, "height": 900}, **options)
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("requestfailed", lambda request: trouble.append(request.url))
        page.on("request", lambda request: request.url.startswith(("file:", "data:")) or trouble.append(request.url))
        page.goto(file.as_uri())
        pages.append(page)
        return page

    yield show
    for page in pages:
        page.close()
    assert trouble == []
