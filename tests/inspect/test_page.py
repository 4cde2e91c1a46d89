import base64
import functools
import json
import math
import os
import re

import pytest
import torch

from seqmodels.errors import InputError
from seqmodels.inspect.page import ModelUnits, RankedUnit, ReadText, to_html, write_page

TEXT = "def say(name):\n\treturn 'hello ' + name\nsay('you')\n"
T = len(TEXT)
LAYER = "rnn.layers.{}"
MINUS = "\N{MINUS SIGN}"


def inside_quotes():
    marks = torch.tensor([token == "'" for token in TEXT]).long()
    return torch.where(marks.cumsum(0) % 2 == 1, 0.8, -0.4)


def lstm():
    """Two layers of 40 units; in the second, unit 33 of h follows quotes and unit 5 is 0."""
    h = torch.tanh(torch.randn(2, T, 40)) * 0.7
    h[1, :, 33] = inside_quotes()
    h[1, :, 5] = 0
    activations = {
        LAYER.format(layer): {"h": h[layer], "c": 9 * h[layer], "sigmoid(f)": torch.sigmoid(h[layer])}
        for layer in range(2)
    }
    log_probabilities = torch.full((T,), math.log(0.25))
    log_probabilities[0] = math.nan
    next_tokens = [[("\n", 0.5), (TEXT[(at + 1) % T], 0.25), ("é", 0.125)] for at in range(T)]
    best = [RankedUnit(LAYER.format(1), "h", 33, 1.0), RankedUnit(LAYER.format(0), "c", 7, 0.625)]
    rankings = {"inside quotes": best, "comment": [RankedUnit(LAYER.format(1), "sigmoid(f)", 2, 0.75)] * 4}
    return ModelUnits(activations, log_probabilities, next_tokens, rankings)


def gru():
    return ModelUnits({LAYER.format(0): {"h": torch.linspace(-1, 1, T)[:, None].repeat(1, 3)}})


@pytest.fixture(scope="module")
def read():
    torch.manual_seed(0)
    return ReadText(TEXT, {"lstm": lstm(), "gru": gru()})


@pytest.fixture(scope="module")
def page_text(read):
    return to_html(read)


@pytest.fixture
def show(show_file, read, tmp_path):
    """Opens the page at a width."""
    write_page(read, tmp_path / "index.html")
    return functools.partial(show_file, tmp_path / "index.html")


def character(page, at, pane=0):
    return page.locator(".pane").nth(pane).locator(".text span").nth(at)


def opacity(page, at, pane=0):
    """How strongly a character is coloured, in [0, 1]."""
    colour = character(page, at, pane).evaluate("span => getComputedStyle(span).backgroundColor")
    numbers = re.findall(r"[\d.]+", colour)
    return float(numbers[3]) if len(numbers) == 4 else 1.0


def here(page, pane=0):
    """Where the page is in the text."""
    return page.locator(".pane").nth(pane).locator(".here").evaluate("span => span.at")


def data_of(page_text):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    found = re.search(r'<script type="application/json" id="read">(.*?)</script>', page_text, re.DOTALL)
    return json.loads(found[1], parse_constant=refuse)


# --- what is in the page ---


def test_the_page_needs_nothing_but_itself(page_text):
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page_text) == []
    assert re.findall(r"url\((?!#)[^)]*\)|@import|https?://", page_text) == []


def test_values_are_kept_to_half_a_step_of_127(read, page_text):
    data = data_of(page_text)
    for model in data["models"]:
        for kept in model["quantities"]:
            values = read.models[model["name"]].activations[kept["layer"]][kept["name"]]
            steps = torch.frombuffer(bytearray(base64.b64decode(kept["values"])), dtype=torch.int8)
            largest = torch.tensor(kept["largest"])
            found = steps.view(-1, T).T / 127 * largest
            assert torch.allclose(largest, values.abs().amax(0), rtol=1e-3)
            assert ((found - values).abs() <= largest * (0.5 / 127 + 1e-3)).all()


def test_what_is_a_gate_is_seen_by_its_values(page_text):
    quantities = data_of(page_text)["models"][0]["quantities"][:3]
    found = {each["name"]: (each["gate"], each["bounded"]) for each in quantities}
    assert found == {"h": (False, True), "c": (False, False), "sigmoid(f)": (True, True)}


def test_a_long_text_and_many_units_make_a_page_of_a_few_megabytes():
    units = ModelUnits({"rnn.layers.0": {"h": torch.rand(3000, 512), "c": torch.rand(3000, 512)}})
    assert len(to_html(ReadText("x" * 3000, {"lstm": units}))) < 4.3e6


def test_text_of_others_is_only_text():
    evil = "</script><script>alert(1)</script>"
    h = torch.zeros(2, 1)
    rankings = {evil: [RankedUnit(evil, evil, 0, 0.5)]}
    text = to_html(ReadText([evil, "b"], {evil: ModelUnits({evil: {evil: h}}, None, [[(evil, 1.0)]] * 2, rankings)}))
    assert "<script>alert" not in text
    assert data_of(text)["tokens"] == [evil, "b"]


def test_the_same_text_is_the_same_page(read, page_text, tmp_path):
    write_page(read, tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8") == page_text


RANKED = RankedUnit("layer", "h", 0, 0.5)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"activations": {}}, ["activations", "give"]),
        ({"activations": {"layer": {"h": torch.zeros(3, 4)}}}, ["h of layer", "[3, 4]", "[2, at least 1]"]),
        ({"activations": {"layer": {"h": torch.zeros(2)}}}, ["h of layer", "[2]"]),
        ({"activations": {"layer": {"h": torch.full((2, 1), math.nan)}}}, ["h of layer", "NaN"]),
        ({"log_probabilities": torch.zeros(3)}, ["log_probabilities", "3 entries", "2 tokens"]),
        ({"next_tokens": [[("a", 1.0)]]}, ["next_tokens", "1 entries", "2 tokens"]),
        ({"next_tokens": [[("a", math.nan)]] * 2}, ["next_tokens[0]", "nan"]),
        ({"rankings": {"digit": [RANKED._replace(name="z")]}}, ["rankings['digit']", "z of layer"]),
        ({"rankings": {"digit": [RANKED._replace(unit=4)]}}, ["no unit 4", "0 to 3"]),
        ({"rankings": {"digit": [RANKED._replace(auc=math.nan)]}}, ["unit 0", "auc nan"]),
    ],
)
def test_what_does_not_fit_is_an_error_of_one_line(one_line, change, parts):
    units = ModelUnits({"layer": {"h": torch.zeros(2, 4)}})
    assert to_html(ReadText("ab", {"gru": units}))
    with one_line(InputError, "gru", *parts):
        to_html(ReadText("ab", {"gru": units._replace(**change)}))


def test_there_must_be_something_to_show(one_line):
    with one_line(InputError, "at least one token"):
        to_html(ReadText("", {"gru": gru()}))
    with one_line(InputError, "one model"):
        to_html(ReadText("ab", {}))


# --- how it behaves ---


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (390, "light")])
def test_the_page_fits(show, width, scheme):
    page = show(width, color_scheme=scheme)
    for panes in (1, 2):
        assert page.locator(".pane").count() == panes
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator(".text").last.bounding_box()["width"] > 0.3 * width
        assert page.locator("canvas").first.bounding_box()["height"] > 15
        page.click("#compare")
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", back)[:3])) < 200) == (scheme == "dark")


def test_the_text_is_coloured_by_the_best_unit_of_the_first_property(show):
    page = show()
    assert page.locator(".text").evaluate("text => text.textContent") == TEXT
    assert page.locator(".unit").input_value() == "33"
    quoted, plain = TEXT.index("hello"), TEXT.index("def")
    assert opacity(page, quoted) == pytest.approx(1, abs=0.01)
    assert opacity(page, plain) == pytest.approx(0.5, abs=0.01)  # -0.4, where the largest is 0.8
    colours = [character(page, at).get_attribute("style") for at in (quoted, plain)]
    assert "positive" in colours[0]
    assert "negative" in colours[1]
    assert page.locator(".low").text_content() == f"{MINUS}0.80"


def test_pointing_at_a_character_looks_and_a_click_stays(show):
    page = show()
    character(page, 4).hover()
    assert here(page) == 4
    assert page.locator("h2 .key").text_content() == "s"
    page.locator("h1").hover()
    assert here(page) == 0
    character(page, 4).click()
    page.locator("h1").hover()
    assert here(page) == 4
    assert page.locator("#where").text_content() == f"Character 5 of {T}"


def test_the_strongest_units_are_named_and_colour_the_text(show, read):
    page = show()
    character(page, 9).click()
    values = read.models["lstm"].activations[LAYER.format(1)]["h"][9]
    strongest = values.abs().topk(2).indices.tolist()
    buttons = page.locator(".strongest button")
    assert [int(buttons.nth(i).evaluate("button => button.unit")) for i in range(2)] == strongest
    assert buttons.first.locator("small").text_content().replace(MINUS, "-") == f"{values[strongest[0]]:+.2f}"
    buttons.nth(1).click()
    assert page.locator(".unit").input_value() == str(strongest[1])


def test_a_click_on_a_unit_colours_the_text(show, read):
    page = show()
    box = page.locator("canvas").bounding_box()
    side = box["width"] / 32
    page.mouse.click(box["x"] + 2.5 * side, box["y"] + 1.5 * side)  # in the second row of 32
    assert page.locator(".unit").input_value() == "34"
    values = read.models["lstm"].activations[LAYER.format(1)]["h"][:, 34]
    for at in (0, 7, 20):
        assert opacity(page, at) == pytest.approx(float((values[at] / values.abs().max()).abs()), abs=0.011)
    page.locator("canvas").press("ArrowUp")
    assert page.locator(".unit").input_value() == "2"
    page.locator("canvas").press("ArrowLeft")
    assert page.locator("canvas").get_attribute("aria-valuenow") == "1"


def test_a_unit_is_found_by_its_number(show):
    page = show()
    page.locator(".unit").fill("5")
    colours = page.locator(".text").evaluate("text => [...text.children].map(span => span.style.backgroundColor)")
    assert set(colours) == {"rgb(var(--positive) / 0.00)"}
    page.locator(".unit").fill("40")  # there are 0 to 39
    assert page.locator("canvas").get_attribute("aria-valuenow") == "5"


def test_properties_lead_to_their_units(show):
    page = show()
    assert page.locator(".properties dt").all_text_contents() == ["inside quotes", "comment"]
    assert page.locator(".properties dd").nth(1).locator("button").count() == 3
    best, second = (page.locator(".properties button").nth(i) for i in range(2))
    assert best.get_attribute("aria-pressed") == "true"
    second.click()
    assert (best.get_attribute("aria-pressed"), second.get_attribute("aria-pressed")) == ("false", "true")
    assert [page.locator(name).input_value() for name in (".layer", ".name", ".unit")] == ["rnn.layers.0", "c", "7"]


def test_layers_and_values_can_be_chosen_and_the_unit_stays(show):
    page = show()
    page.locator(".name").select_option("sigmoid(f)")
    assert page.locator(".unit").input_value() == "33"
    assert [page.locator(name).text_content() for name in (".low", ".high")] == ["0", "1"]
    assert opacity(page, TEXT.index("hello")) == pytest.approx(torch.sigmoid(torch.tensor(0.8)).item(), abs=0.011)
    page.locator(".layer").select_option("rnn.layers.0")
    assert [page.locator(name).input_value() for name in (".name", ".unit")] == ["sigmoid(f)", "33"]


def test_what_the_model_expects_is_listed_and_what_came_is_marked(show):
    page = show()
    character(page, 4).click()
    rows = page.locator(".next li")
    assert rows.locator(".key").all_text_contents() == ["↵", "a", "é"]
    assert page.locator(".next .came .key").all_text_contents() == ["a"]
    assert page.locator(".came-next").text_content() == "Next comes a, which had probability 0.25."
    page.locator(".text").press("End")
    assert page.locator(".came-next").text_content() == "The text ends here."


def test_two_cells_stand_side_by_side(show):
    page = show()
    page.click("#compare")
    assert [page.locator(".model").nth(i).input_value() for i in range(2)] == ["lstm", "gru"]
    page.locator(".unit").nth(1).fill("2")
    assert [page.locator(".unit").nth(i).input_value() for i in range(2)] == ["33", "2"]
    character(page, 12, pane=1).hover()
    assert [here(page, pane) for pane in (0, 1)] == [12, 12]
    second = page.locator(".pane").nth(1)
    assert not second.locator(".expected").is_visible()  # nothing was given
    assert not second.locator(".properties").is_visible()
    assert opacity(page, 0, pane=1) == pytest.approx(1, abs=0.01)
    page.click("#compare")
    assert page.locator(".pane").count() == 1


def test_keys_walk_by_characters_and_lines(show):
    page = show()
    text, second_line = page.locator(".text"), TEXT.index("\n") + 1
    walk = [("Right", 1), ("Right", 2), ("Down", second_line + 2), ("Up", 2), ("Left", 1), ("Up", 1), ("Left", 0)]
    for key, place in [*((f"Arrow{way}", at) for way, at in walk), ("End", T - 1), ("ArrowRight", T - 1), ("Home", 0)]:
        text.press(key)
        assert here(page) == place
    page.locator("#position").press("ArrowRight")
    assert here(page) == 1
    assert page.locator("#status").text_content() == f"e, lstm h 33: {MINUS}0.40"


def test_both_texts_scroll_to_the_place(show):
    page = show()
    page.add_style_tag(content=".text { height: 3rem !important; }")
    page.click("#compare")
    page.locator(".text").first.press("End")
    tops = "[...document.querySelectorAll('.text')].map(text => text.scrollTop)"
    down = page.evaluate(tops)
    assert down[0] == down[1] > 0
    page.locator(".text").nth(1).evaluate("text => { text.scrollTop = 0; }")
    page.wait_for_function(f"{tops}.every(top => top === 0)")
    page.evaluate(
        """() => {  // the reader scrolls one text in the frame in which a key moved both
            const [first, second] = document.querySelectorAll(".text");
            first.dispatchEvent(new KeyboardEvent("keydown", { key: "Home" }));
            first.dispatchEvent(new KeyboardEvent("keydown", { key: "End" }));
            second.scrollTop = 7;
        }"""
    )
    page.wait_for_function(f"{tops}.every(top => top === 7)")


def test_play_walks_through_the_text_to_its_end(show):
    page = show()
    page.click("#play")
    page.wait_for_function("document.querySelector('.here').at >= 2")
    page.click("#play")
    stopped = here(page)
    page.wait_for_timeout(250)
    assert here(page) == stopped
    page.locator(".text").press("End")
    page.locator(".text").press("ArrowLeft")
    page.locator(".text").press("Space")
    assert page.locator("#play").text_content() == "Pause"
    page.wait_for_function("document.querySelector('#play').textContent === 'Play'")
    assert here(page) == T - 1


def test_a_tap_on_a_phone_stays(show):
    page = show(390, has_touch=True)
    character(page, 5).tap()
    assert here(page) == 5


def test_everything_that_can_be_used_has_a_name(show):
    page = show()
    page.click("#compare")
    for role in ("button", "slider", "combobox", "spinbutton"):
        named, every = (page.get_by_role(role, **options).count() for options in ({"name": re.compile(".")}, {}))
        assert named == every > 0


def test_pictures_to_look_at(show):
    """Where SCREENSHOTS names a folder, the page as it looks goes there."""
    target = os.environ.get("SCREENSHOTS")
    for name, width, scheme in (("desktop", 1280, "light"), ("dark", 1280, "dark"), ("phone", 390, "light")):
        picture = show(width, color_scheme=scheme).screenshot(path=f"{target}/{name}.png" if target else None)
        assert len(picture) > 20_000
