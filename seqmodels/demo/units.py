"""The tab in which a text is coloured by what the units of a language model do while it is read."""

import html
from collections.abc import Mapping, Sequence

from seqmodels.demo.handlers import calmly
from seqmodels.errors import InputError
from seqmodels.inspect import Reading, read
from seqmodels.inspect.page import ModelUnits, ReadText, to_html
from seqmodels.inspect.unit_page import by_layer, check_same_tokens
from seqmodels.tasks import LanguageModel

MOST_CHARACTERS = 3000  # a page keeps a byte for each unit, at each of them


def add_units_tab(models: Mapping[str, LanguageModel]) -> None:
    """A text; all states and gates while it is read."""
    import gradio as gr

    names = list(models)
    with gr.Tab("Units"):
        with gr.Row():
            text = gr.Textbox(label="Text", lines=4, placeholder="a text such as the model has learned from", scale=4)
            with gr.Column(scale=1, min_width=200):
                chosen = gr.CheckboxGroup(names, value=names[:2], label="Models", visible=len(names) > 1)
                button = gr.Button("Read", variant="primary")
        page = gr.HTML()

    @calmly
    def show(text: str, chosen: Sequence[str]) -> str:
        return _framed(page_of({name: models[name] for name in chosen}, text))

    button.click(show, [text, chosen], page)


def page_of(models: Mapping[str, LanguageModel], text: str) -> str:
    """The page of :func:`seqmodels.inspect.page.to_html` for a text that these models read.

    Raises:
        InputError: If no model is given, the text is empty, too long, or has something that a model has no token for;
            or if the models cut it into different tokens.
    """
    if not models:
        raise InputError("no model is chosen; choose one")
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"the text has {len(text)} characters; give {MOST_CHARACTERS} at most")
    readings = {name: read(model, text) for name, model in models.items()}
    check_same_tokens({name: reading.tokens for name, reading in readings.items()})
    units = {name: _units(readings[name], models[name]) for name in models}
    return to_html(ReadText(next(iter(readings.values())).tokens, units))


def _units(reading: Reading, model: LanguageModel) -> ModelUnits:
    """Its states and gates: what is before an activation function says little more."""
    states = model.rnn.cell.state_names
    shown = [units for units in reading.units if units.name in states or units.activation is not None]
    return ModelUnits(by_layer(shown), reading.log_probabilities, reading.likeliest)


def _framed(page: str) -> str:
    """A page within the page, which can run its own scripts and reach nothing else."""
    return f'<iframe class="units" title="units" sandbox="allow-scripts" srcdoc="{html.escape(page)}"></iframe>'
