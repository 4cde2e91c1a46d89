"""The tab in which a picture is asked about."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seqmodels.data.plain_words import plain_words
from seqmodels.demo.bars import bars
from seqmodels.demo.handlers import calmly
from seqmodels.demo.models import choice
from seqmodels.demo.picture_input import open_picture, picture_input
from seqmodels.demo.results import hint, titled
from seqmodels.demo.unseen import unseen
from seqmodels.tasks import VisualQuestionAnswerer

if TYPE_CHECKING:
    from PIL.Image import Image

HINT = hint("Give a picture and ask something about it: the likeliest answers will be here.")


def add_ask_tab(models: Mapping[str, VisualQuestionAnswerer]) -> None:
    """A picture and a question; the likeliest answers."""
    import gradio as gr

    with gr.Tab("Ask"), gr.Row():
        with gr.Column(scale=2, min_width=300):
            name = choice(models)
            picture = picture_input()
        with gr.Column(scale=3, min_width=300):
            question = gr.Textbox(label="Question", placeholder="What color is the shape?")
            button = gr.Button("Ask", variant="primary")
            answers = gr.HTML(HINT, elem_classes="result")

    @calmly
    def ask(name: str, picture: Any, question: str) -> str:
        return answered(name, models[name], open_picture(picture), question)

    gr.on([button.click, question.submit], ask, [name, picture, question], answers)
    # Answers don't stay beside another picture. In the browser, so that none that is on its way is wiped away.
    picture.change(None, None, answers, js=f"() => {HINT!r}")


def answered(name: str, model: VisualQuestionAnswerer, image: "Image", question: str) -> str:
    """The likeliest answers as HTML."""
    found = model.answer(image, question)
    unknown = unseen(model.tokenizer, plain_words(question))
    return titled(question, f"{name}: the likeliest answers and their probabilities{unknown}", bars(found))
