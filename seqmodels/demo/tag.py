"""The tab in which words get their tags."""

import html
from collections.abc import Mapping, Sequence

from seqmodels.demo.handlers import calmly
from seqmodels.demo.models import choice
from seqmodels.demo.results import hint, titled
from seqmodels.demo.unseen import unseen
from seqmodels.errors import InputError
from seqmodels.tasks import SequenceTagger

GOLDEN_ANGLE = 137.508  # degrees: hues of any number of tags are far apart


def add_tag_tab(models: Mapping[str, SequenceTagger]) -> None:
    """A text; each word with its tag."""
    import gradio as gr

    with gr.Tab("Tag"), gr.Row():
        with gr.Column(scale=2, min_width=300):
            name = choice(models)
            text = gr.Textbox(
                label="Text", info="spaces around punctuation, too; each line is read by itself", max_lines=12,
                placeholder="The dog sleeps .",
            )  # fmt: skip
            button = gr.Button("Tag", variant="primary")
        with gr.Column(scale=3, min_width=300):
            tagged = gr.HTML(hint("Each word with its tag will be here."), elem_classes="result")

    @calmly
    def tag(name: str, text: str) -> str:
        return tagged_text(name, models[name], text)

    gr.on([button.click, text.submit], tag, [name, text], tagged)


def tagged_text(name: str, model: SequenceTagger, text: str) -> str:
    """Each word with its tag as HTML, below what is seen and which words the model doesn't know."""
    lines = tag_lines(model, text)
    assert model.tokenizer is not None
    learned_lowercase = all(token == token.lower() for token in model.tokenizer.tokens)  # then it reads so, too
    unknown = unseen(model.tokenizer, text.lower() if learned_lowercase else text)
    return titled("", f"{name}: each word with its likeliest tag{unknown}", lines)


def tag_lines(model: SequenceTagger, text: str) -> str:
    """The words of a text and their tags as HTML; the model reads each line by itself.

    Raises:
        InputError: If there is no word.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise InputError("the text is empty; give words with spaces between")
    return "".join(coloured(model.tag(line), model.labels) for line in lines)


def coloured(words: Sequence[tuple[str, str]], labels: Sequence[str]) -> str:
    """Words and their tags as HTML; a tag has the same colour everywhere.

    Example:
        >>> coloured([("dog", "NOUN")], ["DET", "NOUN"])
        '<p class="tags"><span style="--hue:138">dog<small>NOUN</small></span></p>'
    """
    hues = {label: round(number * GOLDEN_ANGLE) % 360 for number, label in enumerate(labels)}
    spans = (
        f'<span style="--hue:{hues[label]}">{html.escape(word)}<small>{html.escape(label)}</small></span>'
        for word, label in words
    )
    return f'<p class="tags">{" ".join(spans)}</p>'
