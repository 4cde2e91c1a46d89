"""The tabs in which models write: language models after a prompt, generators from a class."""

import html
import itertools
import time
from collections.abc import Iterator, Mapping
from reprlib import repr as shortened
from typing import Any, NamedTuple

from seqmodels.demo.handlers import calmly_streaming
from seqmodels.demo.models import heading
from seqmodels.demo.writing import Choose, stream_lines, stream_text, way_of_drawing
from seqmodels.errors import OptionError
from seqmodels.tasks import ConditionalGenerator, LanguageModel

DRAW, LIKELIEST, BEAM = "draw", "likeliest", "beam search"
MOST_DIGITS = 18  # of a seed: torch's have 63 bits
LINES = 10  # drawn of a class
SECONDS = 0.08  # between two sights of a text that is being written


class Settings(NamedTuple):
    """What a person has set, in the order of the page's fields; 0 leaves a filter out."""

    way: str
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    seed: str
    beam: int
    length: int

    def choose(self) -> Choose:
        """How each token is chosen.

        Raises:
            OptionError: If the seed is no whole number, or one that is too large.
        """
        seed = self.seed.strip()
        if seed and not (seed.isdecimal() and len(seed) <= MOST_DIGITS):
            raise OptionError(
                f"the seed is {shortened(seed)}; give a whole number of at most {MOST_DIGITS} digits, or leave it empty"
            )
        temperature = self.temperature if self.way == DRAW else 0
        return way_of_drawing(
            temperature, self.top_k or None, self.top_p, self.min_p or None, int(seed) if seed else None
        )


def add_write_tab(models: Mapping[str, LanguageModel]) -> None:
    """After a prompt."""
    import gradio as gr

    with gr.Tab("Write"), gr.Row():
        with gr.Column(scale=2, min_width=300):
            prompt = gr.Textbox(label="Prompt", lines=3, placeholder="Text to go on from; may be empty")
            options = _options(length=400, longest=2000)
        _add_columns(models, prompt, options, _write_text)


def add_class_tab(models: Mapping[str, ConditionalGenerator]) -> None:
    """From a class."""
    import gradio as gr

    labels = list(dict.fromkeys(label for model in models.values() for label in model.labels or []))
    with gr.Tab("Write of a class"), gr.Row():
        with gr.Column(scale=2, min_width=300):
            label = gr.Dropdown(labels, label="Class")
            options = _options(length=40, longest=200)
        _add_columns(models, label, options, _write_lines)


def _options(length: int, longest: int) -> list[Any]:
    """The fields of ``Settings``."""
    import gradio as gr

    way = gr.Radio([DRAW, LIKELIEST, BEAM], value=DRAW, label="How it writes")
    with gr.Group() as drawing:
        temperature = gr.Slider(0.1, 2, 0.8, step=0.05, label="Temperature", info="below 1 safer, above 1 wilder")
        with gr.Accordion("Leave out the unlikely", open=False):
            top_k = gr.Slider(0, 100, 0, step=1, label="Top k", info="the k likeliest only; 0: all")
            top_p = gr.Slider(0.05, 1, 1, step=0.05, label="Top p", info="the likeliest that make up this probability")
            min_p = gr.Slider(0, 1, 0, step=0.01, label="Min p", info="at least this share of the likeliest's; 0: all")
        seed = gr.Textbox(label="Seed", placeholder="a number; empty: another text each time")
    with gr.Group(visible=False) as searching:
        beam = gr.Slider(1, 20, 5, step=1, label="Beams")
    tokens = gr.Slider(1, longest, length, step=1, label="Tokens at most")
    way.change(
        lambda chosen: (gr.update(visible=chosen == DRAW), gr.update(visible=chosen == BEAM)), way, [drawing, searching]
    )
    return [way, temperature, top_k, top_p, min_p, seed, beam, tokens]


def _add_columns(models: Mapping[str, Any], begin: Any, options: list[Any], write: Any) -> None:
    """A column for what each of the first two models writes; more are there to be chosen."""
    import gradio as gr

    names = list(models)
    with gr.Column(scale=5, min_width=300):
        with gr.Row(elem_classes="buttons"):
            button = gr.Button("Write", variant="primary")
            stop = gr.Button("Stop")
        chosen: list[Any] = []
        sheets = []
        with gr.Row():
            for name in names[:2]:
                with gr.Column(min_width=280):
                    if len(names) > 2:
                        chosen.append(gr.Dropdown(names, value=name, label="Model"))
                    else:
                        chosen.append(gr.State(name))
                        gr.HTML(heading(name, models[name]))
                    sheets.append(gr.HTML(_sheet("", "")))

    @calmly_streaming
    def handle(start: Any, *given: Any) -> Iterator[Any]:
        settings, wanted = Settings(*given[: len(options)]), given[len(options) :]
        streams = [write(models[name], start, settings) for name in wanted]
        for texts in _side_by_side(streams):
            yield texts[0] if len(texts) == 1 else texts

    event = gr.on(
        [button.click, *([begin.submit] if isinstance(begin, gr.Textbox) else [])],
        handle, [begin, *options, *chosen], sheets, show_progress="hidden",
    )  # fmt: skip
    # After it is cancelled: what was on its way then would bring the cursor back.
    stop.click(None, cancels=[event]).then(_stopped, sheets, sheets, show_progress="hidden")


def _stopped(*sheets: str) -> Any:
    """What was written until then."""
    texts = [sheet.replace(_CURSOR, "") for sheet in sheets]
    return texts[0] if len(texts) == 1 else texts


def _side_by_side(streams: list[Iterator[str]]) -> Iterator[list[str]]:
    """What all have written so far, every now and then; in the end what each wrote to its end."""
    texts, shown = [""] * len(streams), 0.0
    for new in itertools.zip_longest(*streams):
        texts = [old if text is None else text for old, text in zip(texts, new, strict=True)]
        if time.monotonic() - shown > SECONDS:
            shown = time.monotonic()
            yield texts
    yield [text.replace(_CURSOR, "") for text in texts]


def _write_text(model: LanguageModel, prompt: str, settings: Settings) -> Iterator[str]:
    if settings.way == BEAM:
        yield _sheet(prompt, model.generate(prompt, settings.length, beam_size=settings.beam))
        return
    for text in stream_text(model, prompt, settings.length, settings.choose()):
        yield _sheet(prompt, text, _CURSOR)


def _write_lines(model: ConditionalGenerator, label: str | None, settings: Settings) -> Iterator[str]:
    if label is None:
        raise OptionError("no class is chosen; choose one")
    if settings.way == BEAM:
        yield _sheet("", "\n".join(model.generate(label, settings.beam, settings.length, beam_size=settings.beam)))
        return
    count = LINES if settings.way == DRAW else 1  # of the likeliest there is one
    for text in stream_lines(model, label, count, settings.length, settings.choose()):
        yield _sheet("", text, _CURSOR)


_CURSOR = '<i class="cursor"></i>'


def _sheet(prompt: str, written: str, cursor: str = "") -> str:
    text = f"<span>{html.escape(prompt)}</span>{html.escape(written)}{cursor}"
    return f'<div class="written"><div>{text}</div></div>'
