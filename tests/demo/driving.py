"""What a person does on the page."""


def turn_to(page, tab):
    """The panel of a tab; those that have no room are in a menu."""
    wanted = page.get_by_role("tab", name=tab, exact=True)
    if not wanted.is_visible():
        page.locator(".overflow-menu > button").click()
        wanted = page.locator(".overflow-dropdown").get_by_text(tab, exact=True)
    wanted.click()
    panel = page.locator("[role=tabpanel]:visible")
    panel.wait_for()
    return panel


def choose(panel, label, value):
    panel.get_by_label(label).click()
    panel.page.get_by_role("option", name=value, exact=True).click()


def slide(panel, label, value):
    field = panel.get_by_role("spinbutton", name=label)
    field.fill(str(value))
    field.press("Enter")


def wait_for_text(sheet, text):
    from playwright.sync_api import expect

    expect(sheet).to_have_js_property("textContent", text, timeout=120_000)


def press(panel, name):
    panel.get_by_role("button", name=name, exact=True).click()
