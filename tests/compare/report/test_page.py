import functools
import html
import json
import os
import re
from dataclasses import replace

import pytest

from seqmodels.compare.problem import Problem
from seqmodels.compare.report import write_report
from seqmodels.compare.report.page import to_html


@pytest.fixture(scope="module")
def folder(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(study, folder)
    return folder


@pytest.fixture(scope="module")
def page_text(folder):
    return (folder / "index.html").read_text("utf-8")


@pytest.fixture
def show(show_file, folder):
    """Opens the page at a width."""
    return functools.partial(show_file, folder / "index.html")


def test_the_page_needs_nothing_but_itself(page_text):
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page_text) == []
    assert re.findall(r"url\((?!#)[^)]*\)|@import", page_text) == []


def test_ids_are_unique_and_what_figures_refer_to_is_there(page_text):
    ids = re.findall(r'\bid="([^"]+)"', page_text)
    assert len(set(ids)) == len(ids)
    used = set(re.findall(r'href="#([^"]+)"', page_text)) | set(re.findall(r"url\(#([^)]+)\)", page_text))
    assert used
    assert used <= set(ids)


def test_the_answers_come_first(page_text):
    assert page_text.index("gru beats lstm by") < page_text.index("<table")
    assert "Is my cell better than an LSTM?" in page_text


def test_text_of_others_is_only_text(study, page_text):
    assert "<b>out of memory</b>" not in page_text
    assert "&lt;b&gt;out of memory&lt;/b&gt; &amp; more" in page_text
    evil = "</script><script>alert(1)</script>"
    text = to_html(replace(study, title=evil, options={evil: evil}, results=()))
    assert "<script>alert" not in text
    assert html.escape(evil, quote=False) in text


def test_all_results_are_in_the_page(study, page_text):
    found = re.search(r'<script type="application/json" id="results">(.*?)</script>', page_text, re.DOTALL)
    assert json.loads(found[1]) == study.to_dict()


def test_a_study_under_way_says_so(study, make_study):
    assert "not finished: 8 of 8" in html.unescape(to_html(replace(study, results=())))
    assert "not finished" not in to_html(make_study(seeds=1, search=0))


def test_a_study_whose_search_found_no_settings_for_a_cell_is_finished(given_up):
    assert "not finished" not in to_html(given_up)
    assert "not finished: 1 of 3" in to_html(replace(given_up, given_up=()))


def test_every_budget_is_waited_for_and_trials_are_counted_under_one(two_budgets):
    text = to_html(two_budgets)
    assert "not finished" not in text
    assert "from 24 trials for each cell, problem and number of parameters" in text
    smaller = [r for r in two_budgets.results if (r.trial.budget, r.trial.cell) != (90_000, "gru")]
    assert "not finished: 2 of 8" in to_html(replace(two_budgets, results=tuple(smaller)))


def test_one_seed_needs_another(make_study):
    text = to_html(make_study(seeds=1, search=0))
    assert "needs at least 2 seeds" in text


def test_the_same_study_is_the_same_page(study):
    assert to_html(study) == to_html(study)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_its_figures_have_a_size(show, study, width, scheme):
    page = show(width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [element.bounding_box() for element in page.query_selector_all("figure svg")]
    assert len(boxes) == 6
    assert all(box["width"] > 300 and box["height"] > 100 for box in boxes)
    assert page.locator("#figures svg text", has_text="lstm").count() > 2
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", back)[:3])) < 200) == (scheme == "dark")
    if width > 1000:  # no table scrolls on a desktop
        wide = "[...document.querySelectorAll('.scroll')].map(e => e.scrollWidth - e.clientWidth)"
        assert max(page.evaluate(wide)) <= 1


def test_a_click_sorts_by_a_column(show):
    page = show()
    table = page.locator("#tables table").nth(1)
    names = table.locator("tbody th")
    assert names.all_text_contents() == ["elman", "lstm", "gru", "MyCell"]
    heading = table.locator("thead button").nth(1)
    heading.click()
    assert names.all_text_contents() == ["elman", "lstm", "MyCell", "gru"]
    assert table.locator("thead th").nth(1).get_attribute("aria-sort") == "ascending"
    heading.click()
    assert names.all_text_contents() == ["gru", "MyCell", "lstm", "elman"]
    table.locator("thead button").nth(4).click()  # of p, where the baseline has none
    assert names.all_text_contents()[-1] == "lstm"
    table.locator("thead button").first.click()
    assert names.all_text_contents() == ["elman", "gru", "lstm", "MyCell"]


def test_it_prints(show):
    page = show()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert page.pdf()[:4] == b"%PDF"


def test_twelve_cells_on_a_phone(browser, make_study, tmp_path):
    problems = [Problem("a-problem-with-quite-a-long-name", "m:M", "d:D", "bits_per_character", "min")]
    skill = {f"somebodys_package.cells:RatherLongName{i}": i / 100 for i in range(12)}
    many = make_study(problems=problems, skill=skill, baseline=next(iter(skill)), seeds=2, search=2)
    (tmp_path / "index.html").write_text(to_html(many), "utf-8")
    page = browser.new_page(viewport={"width": 360, "height": 700})
    page.goto((tmp_path / "index.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


def test_pictures_to_look_at(show):
    """Where SCREENSHOTS names a folder, the page as it looks goes there."""
    target = os.environ.get("SCREENSHOTS")
    for name, width, scheme in (("desktop", 1280, "light"), ("dark", 1280, "dark"), ("phone", 390, "light")):
        page = show(width, color_scheme=scheme)
        picture = page.screenshot(full_page=True, path=f"{target}/{name}.png" if target else None)
        assert len(picture) > 50_000
