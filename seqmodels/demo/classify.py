"""The tab in which texts get their class."""

from collections.abc import Mapping

from seqmodels.demo.bars import bars
from seqmodels.demo.handlers import calmly
from seqmodels.demo.models import choice
from seqmodels.tasks import SequenceClassifier, TreeClassifier


def add_classify_tab(models: Mapping[str, SequenceClassifier | TreeClassifier]) -> None:
    """A text, or a tree in brackets; the likeliest classes."""
    import gradio as gr

    trees = any(isinstance(model, TreeClassifier) for model in models.values())
    with gr.Tab("Classify"), gr.Row():
        with gr.Column(scale=2, min_width=300):
            name = choice(models)
            text = gr.Textbox(label="Text", lines=3, placeholder="( ( a lovely ) film )" if trees else None)
            button = gr.Button("Classify", variant="primary")
        with gr.Column(scale=3, min_width=300):
            classes = gr.HTML(elem_classes="result")

    @calmly
    def classify(name: str, text: str) -> str:
        return bars(models[name].classify(text))

    gr.on([button.click, text.submit], classify, [name, text], classes)
