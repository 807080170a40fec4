"""What the browser gets: vendored scripts of known versions, and nothing inline."""

import re
from pathlib import Path

import stockade_panel
from stockade_panel.htmx import VERSION

PACKAGE = Path(stockade_panel.__file__).parent
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))


def test_the_vendored_htmx_is_the_version_we_say() -> None:
    file = PACKAGE / f"static/vendor/htmx-{VERSION}.min.js"
    assert f'version:"{VERSION}"' in file.read_text()
    assert VERSION.startswith("2.")
    assert f"vendor/htmx-{VERSION}.min.js" in (PACKAGE / "templates/base.html").read_text()


def test_templates_have_no_inline_script_style_or_handler() -> None:
    assert TEMPLATES
    for path in TEMPLATES:
        text = path.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|js:|javascript:", text), path


def test_nothing_is_fetched_from_elsewhere() -> None:
    for path in [*TEMPLATES, PACKAGE / "static/panel.css", PACKAGE / "static/live.js", PACKAGE / "static/prices.js"]:
        assert not re.search(r"https?://", path.read_text()), path


def test_every_form_that_posts_carries_a_csrf_token() -> None:
    for path in TEMPLATES:
        for form in re.findall(r"<form method=\"post\".*?</form>", path.read_text(), re.DOTALL):
            assert "m.csrf()" in form or "hidden_tag()" in form, (path, form[:80])
