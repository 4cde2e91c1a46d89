"""Ask, Classify and Tag as a class sees them, in a browser: results, what is wrong, and how they fit a phone."""

import pytest
from demo.driving import choose, press, turn_to

pytest.importorskip("gradio", reason="gradio is not installed (pip install 'seqmodels[demo]')")
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


def test_a_question_about_a_picture_is_answered(page, models, picture):
    panel = turn_to(page, "Ask")
    panel.locator("input[type=file]").set_input_files(picture)
    panel.locator("img").wait_for()
    panel.get_by_label("Question").fill("What color?")
    press(panel, "Ask")
    panel.locator(".bars").wait_for()
    expected = [name for name, _ in models["answers"].answer(picture, "What color?")]
    assert panel.locator(".bars span").all_text_contents() == expected
    panel.get_by_label("Question").fill("Something else?")
    assert panel.locator("h3").text_content() == "What color?"


def test_answers_do_not_stay_beside_another_picture(page, picture):
    panel = turn_to(page, "Ask")
    panel.get_by_label("Remove Image").click()
    panel.locator(".hint", has_text="Give a picture").wait_for()
    assert panel.locator(".bars").count() == 0
    panel.locator("input[type=file]").set_input_files(picture)
    panel.locator("img").wait_for()
    panel.get_by_label("Question").press("Enter")
    panel.locator("h3", has_text="Something else?").wait_for()


def test_a_text_gets_its_classes(page, models):
    panel = turn_to(page, "Classify")
    panel.get_by_label("Text").fill("a lovely film")
    press(panel, "Classify")
    panel.locator(".bars").wait_for()
    (best, probability), *_ = models["classes"].classify("a lovely film")
    row = panel.locator(".bars li").first
    assert row.locator("span").text_content() == best
    assert row.locator("b").text_content() == f"{probability * 100:.1f} %"
    assert panel.get_by_label("Text").get_attribute("placeholder") == "a text to classify"
    choose(panel, "Model", "trees")
    panel.get_by_placeholder("( ( a lovely ) film )").fill("( a film )")
    press(panel, "Classify")
    panel.locator(".bars").get_by_text("plus").wait_for()
    panel.get_by_label("Text").fill("a film")
    press(panel, "Classify")
    page.locator(".toast-body", has_text="'a film' is no tree").wait_for()
    assert panel.locator("h3").text_content() == "( a film )"  # what was shown before stays
    panel.get_by_label("Text").fill("( film )")
    panel.get_by_label("Text").press("Enter")
    panel.locator("h3", has_text="( film )").wait_for()
    page.locator(".toast-body").wait_for(state="detached")  # and what was wrong is over


def test_words_get_their_tags(page, models):
    panel = turn_to(page, "Tag")
    assert panel.locator(".hint").text_content() == "Each word with its tag will be here."
    panel.get_by_label("Text").fill("a lovely film")
    press(panel, "Tag")
    panel.locator(".tags").wait_for()
    tags = [tag for _, tag in models["tags"].tag("a lovely film")]
    assert panel.locator(".tags small").all_text_contents() == tags


def test_what_is_no_picture_is_one_calm_line(open_at, tmp_path, capfd):
    page = open_at[0](1280)
    panel = turn_to(page, "Ask")
    panel.get_by_label("Question").fill("What color?")
    press(panel, "Ask")
    page.locator(".toast-body", has_text="there is no picture yet").wait_for()
    (tmp_path / "notes.png").write_text("no picture")
    panel.locator("input[type=file]").set_input_files(tmp_path / "notes.png")
    panel.locator("img").wait_for(state="attached")
    press(panel, "Ask")
    page.locator(".toast-body", has_text="notes.png: is no picture").wait_for()
    assert "Traceback" not in "".join(capfd.readouterr())
    page.close()


@pytest.fixture
def phone(open_at):
    """The page on a phone; fails at the end if a script failed or asked another place."""
    page = open_at[0](390, is_mobile=True, has_touch=True)
    yield page
    page.close()
    assert open_at[1] == []


LONG = "Donaudampfschiff" * 12


@pytest.mark.parametrize(("tab", "result"), [("Classify", ".bars"), ("Tag", ".tags")])
def test_results_fit_a_phone(phone, tab, result):
    panel = turn_to(phone, tab)
    panel.get_by_label("Text").fill(f"a lovely film {LONG}")
    press(panel, tab)
    panel.locator(result).wait_for()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    right = "parts => Math.max(...parts.map(part => part.getBoundingClientRect().right))"
    assert panel.locator(".result :is(h3, span, small, b)").evaluate_all(right) <= 390
    wider = "parts => parts.filter(part => part.scrollWidth > part.clientWidth + 1).length"
    assert panel.locator(".result :is(h3, .tags span, .bars span)").evaluate_all(wider) == 0


def test_names_bars_and_percentages_stand_side_by_side(phone, picture):
    panel = turn_to(phone, "Ask")
    panel.locator("input[type=file]").set_input_files(picture)
    panel.locator("img").wait_for()
    panel.get_by_label("Question").fill("What color?")
    press(panel, "Ask")
    panel.locator(".bars").wait_for()
    for row in panel.locator(".bars li").all():
        name, bar, percentage = (row.locator(part).bounding_box() for part in ("span", "i", "b"))
        assert name["x"] + name["width"] < bar["x"]
        assert bar["x"] + bar["width"] < percentage["x"]
        assert bar["width"] > 60


def test_a_mistake_hides_neither_the_tabs_nor_the_button(phone):
    panel = turn_to(phone, "Ask")
    press(panel, "Ask")
    mistake = phone.locator(".toast-body", has_text="there is no picture yet").bounding_box()
    button = panel.get_by_role("button", name="Ask", exact=True).bounding_box()
    assert mistake["y"] >= button["y"] + button["height"]
    assert mistake["y"] + mistake["height"] <= 900
