"""The page as a class sees it, in a browser: every tab, desktop and phone, mistakes, foreign requests."""

import os
import re

import pytest
from demo.driving import choose, press, slide, turn_to, wait_for_text
from PIL import Image

from seqmodels.demo.caption import search

pytest.importorskip("gradio", reason="gradio is not installed (pip install 'seqmodels[demo]')")
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
TABS = ["Write", "Write of a class", "Caption", "Ask", "Translate", "Classify", "Tag", "Units"]


def test_there_is_a_tab_for_each_kind_of_model(page):
    assert page.get_by_role("tab").all_text_contents() == TABS


def test_two_language_models_write_side_by_side_and_a_seed_repeats(page, models):
    panel = turn_to(page, "Write")
    panel.get_by_label("draw").check()
    panel.get_by_label("Prompt").fill("the <b>")
    panel.get_by_label("Seed").fill("7")
    slide(panel, "Tokens at most", 60)
    texts = ["the <b>" + models[name].generate("the <b>", 60, 0.8, seed=7) for name in ("letters", "letters_lstm")]
    press(panel, "Write")
    for place, text in enumerate(texts):
        wait_for_text(panel.locator(".written").nth(place), text)
    assert panel.locator(".written b, .cursor").count() == 0


def test_text_appears_while_it_is_written(page):
    panel = turn_to(page, "Write")
    slide(panel, "Tokens at most", 2000)
    press(panel, "Write")
    count = "document.querySelector('.written').textContent.length"
    page.wait_for_function(f"{count} > 10")
    first = page.evaluate(count)
    page.wait_for_function(f"{count} > {first}")
    press(panel, "Stop")
    page.wait_for_function("!document.querySelector('.cursor')")
    stopped = page.evaluate(count)
    page.wait_for_timeout(300)
    assert page.evaluate(count) == stopped < 2000


@pytest.mark.parametrize(("way", "options"), [("likeliest", {"temperature": 0}), ("beam search", {"beam_size": 5})])
def test_the_other_ways_to_write(page, models, way, options):
    panel = turn_to(page, "Write")
    panel.get_by_label("Prompt").fill("fox")
    panel.get_by_label(way).check()
    slide(panel, "Tokens at most", 20)
    text = "fox" + models["letters"].generate("fox", 20, **options)
    press(panel, "Write")
    wait_for_text(panel.locator(".written").first, text)
    assert panel.get_by_label("Temperature").first.is_hidden()


def test_lines_of_a_class_are_written(page, models):
    panel = turn_to(page, "Write of a class")
    choose(panel, "Class", "Irish")
    panel.get_by_label("Seed").fill("1")
    text = "\n".join(models["names"].generate("Irish", 10, 40, 0.8, seed=1))
    press(panel, "Write")
    wait_for_text(panel.locator(".written"), text)


def test_a_picture_gets_captions_and_both_trees_grow(page, models, picture):
    panel = turn_to(page, "Caption")
    panel.locator("input[type=file]").set_input_files(picture)
    panel.locator("img").wait_for()
    press(panel, "Caption")
    panel.locator(".tree").nth(1).wait_for()
    nodes, captions = search(models["captions"], Image.open(picture), 4, 1, 0.0)
    first = panel.locator("section").first
    lines = first.locator("li").evaluate_all("lines => lines.map(line => line.firstChild.textContent.trim())")
    assert lines == [text for text, _ in captions]
    assert first.locator(".tree g").count() == len(nodes) - 1
    assert panel.locator("h3").all_text_contents() == ["Beam search", "Diverse beam search, 2 groups"]
    assert panel.locator("section").nth(1).locator(".group-1").count() > 0
    slide(panel, "Steps drawn", 2)
    drawn = sum(1 <= node.step <= 2 for node in nodes)
    assert drawn < len(nodes) - 1
    page.wait_for_function(f"document.querySelector('.tree').querySelectorAll('g').length === {drawn}")


def test_a_text_is_translated_with_its_attention(page, models):
    panel = turn_to(page, "Translate")
    panel.get_by_label("Text").fill("a <fox>")
    press(panel, "Translate")
    panel.locator(".translations").wait_for()
    (found,) = models["translations"].translate("a <fox>", n_best=3, attention=True)
    assert panel.locator("summary b").all_text_contents() == [one.text for one in found]
    squares = panel.locator("details").first.locator(".heat rect")
    assert squares.count() == found[0].attention.numel()
    assert not panel.locator(".heat").nth(1).is_visible()
    panel.locator("summary").nth(1).click()
    assert panel.locator(".heat").nth(1).is_visible()


def test_units_colour_a_text(page):
    panel = turn_to(page, "Units")
    panel.get_by_label("Text").fill("the <fox>")
    press(panel, "Read")
    inside = panel.frame_locator("iframe.units")
    inside.locator(".text").wait_for()
    assert inside.locator(".text").first.evaluate("text => text.textContent") == "the <fox>"
    names = inside.locator(".name").first.locator("option").all_text_contents()
    assert "h" in names
    assert "W_x" not in names


@pytest.mark.parametrize(
    ("tab", "label", "text", "button", "said"),
    [
        ("Write", "Prompt", "É", "Write", "the model has never seen the character 'É'"),
        ("Translate", "Text", " ", "Translate", "text 0 is empty"),
        ("Tag", "Text", " ", "Tag", "the text is empty"),
        ("Classify", "Text", " ", "Classify", "the text is empty"),
        ("Units", "Text", "", "Read", "the text is empty"),
    ],
)
def test_a_mistake_is_one_calm_line(page, tab, label, text, button, said, capfd):
    panel = turn_to(page, tab)
    panel.get_by_label(label).first.fill(text)
    press(panel, button)
    page.locator(".toast-body", has_text=said).wait_for()
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_every_tab_fits(open_at, width, scheme):
    """Where SCREENSHOTS names a folder, the tabs as they look go there."""
    open_it, trouble = open_at
    page = open_it(width, color_scheme=scheme)
    for tab in TABS:
        turn_to(page, tab)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if target := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=f"{target}/{tab} {width} {scheme}.png", full_page=True)
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", back)[:3])) < 200) == (scheme == "dark")
    assert trouble == []
    page.close()


def test_nothing_is_asked_of_other_machines(address, asked):
    assert asked
    assert {str(host) for host in asked} <= {"127.0.0.1", "localhost", "::1"}
