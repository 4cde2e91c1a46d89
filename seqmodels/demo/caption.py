"""The tab in which a captioner says what is in a picture, and one sees how it searches for words."""

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from seqmodels.decoding import Hypothesis, TraceStep, diverse_beam_search
from seqmodels.demo.beam_picture import draw_tree, minus
from seqmodels.demo.beam_tree import Node, grow_tree
from seqmodels.demo.handlers import calmly
from seqmodels.demo.models import choice
from seqmodels.demo.picture_input import open_picture, picture_input
from seqmodels.evaluating import evaluating
from seqmodels.figures import INK, to_svg
from seqmodels.inspect import attention_picture
from seqmodels.tasks import Captioner
from seqmodels.tasks.writing import line_of, without_unknown

if TYPE_CHECKING:
    from PIL.Image import Image

LONGEST = 20  # words of a caption


def add_caption_tab(models: Mapping[str, Captioner]) -> None:
    """A picture; its captions, and the trees of plain and of diverse beam search."""
    import gradio as gr

    with gr.Tab("Caption"):
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                name = choice(models)
                picture = picture_input()
            with gr.Column(scale=3, min_width=300):
                beam = gr.Slider(1, 12, 4, step=1, label="Beams")
                groups = gr.Slider(1, 6, 2, step=1, label="Groups of the diverse search", info="must divide the beams")
                diversity = gr.Slider(0, 3, 0.5, step=0.1, label="Diversity", info="nats lost for another group's word")
                button = gr.Button("Caption", variant="primary")
                shown = gr.Slider(1, LONGEST, 1, step=1, label="Steps drawn", visible=False)
        trees = gr.State(None)
        panels = gr.HTML(elem_classes="result")
        looks = gr.HTML(elem_classes="result")

    @calmly
    def caption(name: str, picture: Any, beam: int, groups: int, diversity: float) -> Any:
        image, model = open_picture(picture), models[name]
        searches = {"Beam search": (1, 0.0)}
        if groups > 1:
            searches[f"Diverse beam search, {groups} groups"] = (groups, diversity)
        found = [(title, *search(model, image, beam, *options)) for title, options in searches.items()]
        deepest = max(node.step for _, nodes, _ in found for node in nodes)
        steps = gr.update(maximum=deepest, value=deepest, visible=deepest > 1)
        return found, steps, _panels(found), where_words_looked(model, image, beam)

    button.click(caption, [name, picture, beam, groups, diversity], [trees, shown, panels, looks])
    shown.input(lambda found, steps: _panels(found, steps), [trees, shown], panels, show_progress="hidden")


def search(
    model: Captioner, image: "Image", beam_size: int, groups: int, diversity: float
) -> tuple[list[Node], list[tuple[str, float]]]:
    """The tree of a search for captions, and the captions with their log-probabilities, best first.

    Raises:
        OptionError: If ``groups`` doesn't divide ``beam_size``.
    """
    trace: list[TraceStep] = []
    with evaluating(model):
        features = model.image_input.read(image, model.device)
        (found,) = diverse_beam_search(
            lambda tokens, state: _step(model, tokens, state),
            model.conditioning.begin(features, model.rnn),
            torch.full((1,), model.end, device=model.device),
            beam_size=beam_size, groups=groups, max_length=LONGEST, diversity=diversity, end=model.end,
            batch_dim=model.conditioning.batch_dim, trace=trace.append,
        )  # fmt: skip
    words = [token if number != model.end else "end" for number, token in enumerate(model.tokenizer.tokens)]
    return grow_tree(trace, found, words), [_caption(model, one) for one in found]


def where_words_looked(model: Captioner, image: "Image", beam_size: int) -> str:
    """The picture as each word of the best caption saw it, as HTML; nothing for a model without attention."""
    if not model.conditioning.looks_again:
        return ""
    (best,) = model.caption(image, beam_size, LONGEST, n_best=1, attention=True)
    assert best.attention is not None  # it was asked for
    figure = attention_picture(model.image_input.view(image), best.tokens, best.attention)
    svg = to_svg(figure).replace(INK, "currentColor")
    return f'<section class="looked"><h3>Where its words looked</h3>{svg[svg.index("<svg") :]}</section>'


def _step(model: Captioner, tokens: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
    logits, state = model.step(tokens, state)
    return without_unknown(logits, model.tokenizer), state


def _caption(model: Captioner, found: Hypothesis) -> tuple[str, float]:
    return line_of(found.tokens, model.tokenizer), found.log_probability


def _panels(found: Sequence[tuple[str, list[Node], list[tuple[str, float]]]], steps: int | None = None) -> str:
    """Each search as HTML: its captions, then its tree."""
    parts = []
    for title, nodes, captions in found:
        lines = "".join(f"<li>{html.escape(text)} <small>{minus(value)}</small></li>" for text, value in captions)
        parts.append(f"<section><h3>{html.escape(title)}</h3>{draw_tree(nodes, steps)}<ol>{lines}</ol></section>")
    return f'<div class="searches">{"".join(parts)}</div>'
