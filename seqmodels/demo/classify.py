"""The tab in which texts get their class."""

from collections.abc import Mapping
from typing import Any

from seqmodels.data import Tokenizer
from seqmodels.data.labelled_text import text_for
from seqmodels.data.tree_files import parse_brackets
from seqmodels.demo.bars import bars
from seqmodels.demo.handlers import calmly
from seqmodels.demo.models import choice
from seqmodels.demo.results import hint, titled
from seqmodels.demo.unseen import unseen
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
        return classified(name, models[name], text)

    def tell_what_to_give(name: str) -> Any:
        return gr.update(placeholder=_example(models[name]))

    gr.on([button.click, text.submit], classify, [name, text], classes)
    name.change(tell_what_to_give, name, text, show_progress="hidden")


def classified(name: str, model: SequenceClassifier | TreeClassifier, text: str) -> str:
    """The likeliest classes as HTML."""
    found = model.classify(text)
    assert model.tokenizer is not None
    unknown = unseen(model.tokenizer, _as_read(model, model.tokenizer, text))
    return titled(text, f"{name}: the likeliest classes and their probabilities{unknown}", bars(found))


def _as_read(model: SequenceClassifier | TreeClassifier, tokenizer: Tokenizer, text: str) -> str:
    """Its words; those of a tree are in lower case if they aren't known as they are."""
    if not isinstance(model, TreeClassifier):
        return text_for(tokenizer.unit, text)
    words = (word for word in parse_brackets(text).words if word is not None)
    return " ".join(word if tokenizer.unknown_in(word) is None else word.lower() for word in words)


def _example(model: SequenceClassifier | TreeClassifier) -> str:
    """Of what the model takes."""
    return "( ( a lovely ) film )" if isinstance(model, TreeClassifier) else "a text to classify"
