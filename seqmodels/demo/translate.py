"""The tab in which texts are translated."""

import html
from collections.abc import Mapping, Sequence

from seqmodels.demo.handlers import calmly
from seqmodels.demo.heat_map import heat_map
from seqmodels.demo.models import choice
from seqmodels.demo.results import titled
from seqmodels.demo.unseen import unseen
from seqmodels.tasks import Translation, Translator


def add_translate_tab(models: Mapping[str, Translator]) -> None:
    """A text; its best translations, and where each token of them looked."""
    import gradio as gr

    with gr.Tab("Translate"), gr.Row():
        with gr.Column(scale=2, min_width=300):
            name = choice(models)
            text = gr.Textbox(label="Text", lines=2, placeholder="a line to translate")
            button = gr.Button("Translate", variant="primary")
            beam = gr.Slider(1, 20, 5, step=1, label="Beams")
            n_best = gr.Slider(1, 10, 3, step=1, label="Translations")
            penalty = gr.Slider(0, 2, 1, step=0.1, label="Length penalty", info="above 0 favours longer ones")
        with gr.Column(scale=5, min_width=300):
            translations = gr.HTML(elem_classes="result")

    @calmly
    def translate(name: str, text: str, beam: int, n_best: int, penalty: float) -> str:
        model = models[name]
        attention = model.hparams["attention"] != "none"
        (found,) = model.translate(text, beam, n_best=min(n_best, beam), length_penalty=penalty, attention=attention)
        unknown = unseen(model.source_tokenizer, text)
        return titled("", f"{name}: the best translations and their log-probabilities{unknown}", shown(found))

    gr.on([button.click, text.submit], translate, [name, text, beam, n_best, penalty], translations)


def shown(found: Sequence[Translation]) -> str:
    """Translations as HTML, the best first; each opens to its attention."""
    parts = []
    for place, one in enumerate(found):
        line = f"<summary><b>{html.escape(one.text)}</b> <small>{one.log_probability:.2f}</small></summary>"
        look = (
            "<p>This model was trained without attention.</p>"
            if one.attention is None
            else heat_map(one.attention, one.target_tokens, one.source_tokens)
        )
        state = ' open=""' if place == 0 else ""
        parts.append(f"<details{state}>{line}{look}</details>")
    return f'<div class="translations">{"".join(parts)}</div>'
