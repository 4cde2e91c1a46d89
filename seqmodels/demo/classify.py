"""The tab in which texts get their class."""

from collections.abc import Mapping
from typing import Any

from seqmodels.demo.bars import bars
from seqmodels.demo.handlers import calmly
from seqmodels.demo.models import choice
from seqmodels.demo.results import hint, titled
from seqmodels.tasks import SequenceClassifier, TreeClassifier


def add_classify_tab(models: Mapping[str, SequenceClassifier | TreeClassifier]) -> None:
    """A text, or a tree in brackets; the likeliest classes."""
    import gradio as gr

    with gr.Tab("Classify"), gr.Row():
        with gr.Column(scale=2, min_width=300):
            name = choice(models)
            first = next(iter(models.values()))
            text = gr.Textbox(label="Text", max_lines=12, placeholder=_example(first))
            button = gr.Button("Classify", variant="primary")
        with gr.Column(scale=3, min_width=300):
            classes = gr.HTML(hint("The likeliest classes of the text will be here."), elem_classes="result")

    @calmly
    def classify(name: str, text: str) -> str:
        found = models[name].classify(text)
        return titled(text, f"{name}: the likeliest classes and their probabilities", bars(found))

    def tell_what_to_give(name: str) -> Any:
        return gr.update(placeholder=_example(models[name]))

    gr.on([button.click, text.submit], classify, [name, text], classes)
    name.change(tell_what_to_give, name, text, show_progress="hidden")


def _example(model: SequenceClassifier | TreeClassifier) -> str:
    """Of what the model takes."""
    return "( ( a lovely ) film )" if isinstance(model, TreeClassifier) else "a text to classify"
