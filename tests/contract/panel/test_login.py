"""Logging in and out, and everything a session opens."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from stockade_panel.security import FAILURES_ALLOWED
from stockade_panel.sessions import hash_token
from tests.support.panel_stage import PASSWORD, Stage
from tests.support.waiting import wait_until


def test_a_user_logs_in_sees_algorithms_and_logs_out(stage: Stage) -> None:
    stage.add_tenant("login")
    with stage.browser("trader@login.example") as browser:
        page = browser.get("/algorithms")
        assert page.status_code == 200
        assert "No algorithm yet" in page.text
        answer = browser.post("/logout")
        assert answer.headers["location"] == "/login"
        assert browser.get("/algorithms").status_code == 302
        assert browser.get("/stream").status_code == 401


def test_a_wrong_password_and_an_unknown_email_get_the_same_answer(stage: Stage) -> None:
    stage.add_tenant("wrong")
    with stage.browser() as browser:
        wrong = browser.log_in("trader@wrong.example", "not the password")
        unknown = browser.log_in("nobody@wrong.example", "not the password")
    assert wrong.status_code == unknown.status_code == 200

    def said(text: str) -> list[str]:
        return re.findall(r'role="alert">([^<]+)<', text)

    assert said(wrong.text) == said(unknown.text) != []


def test_only_the_tokens_hash_is_kept_and_the_cookie_is_for_http_only(stage: Stage) -> None:
    stage.add_tenant("token")
    with stage.browser() as browser:
        answer = browser.log_in("trader@token.example")
        cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    with stage.ledger.connect("stockade_panel") as connection:
        rows = connection.execute("SELECT token_sha256 FROM ledger.session").fetchall()
    assert all(len(row[0]) == 32 for row in rows)


def test_log_out_everywhere_ends_every_session_of_the_user_and_of_nobody_else(stage: Stage) -> None:
    stage.add_tenant("everywhere")
    stage.add_tenant("elsewhere")
    with (
        stage.browser("trader@everywhere.example") as first,
        stage.browser("trader@everywhere.example") as second,
        stage.browser("trader@elsewhere.example") as other,
    ):
        assert second.get("/algorithms").status_code == 200
        assert first.post("/you/log-out-everywhere").status_code == 302
        assert first.get("/algorithms").status_code == 302
        assert second.get("/algorithms").status_code == 302
        assert other.get("/algorithms").status_code == 200


def test_a_stream_ends_when_its_session_is_revoked(stage: Stage) -> None:
    stage.add_tenant("revoked")
    with (
        stage.browser("trader@revoked.example") as browser,
        stage.browser("trader@revoked.example") as other,
        browser.client.stream("GET", "/stream", timeout=60) as stream,
    ):
        lines = stream.iter_lines()
        assert wait_until(lambda: next(lines), "hello", holds=lambda line: line == "event: hello", pause_seconds=0)
        assert other.post("/you/log-out-everywhere").status_code == 302
        assert "event: end" in list(lines)


def test_a_session_revoked_behind_the_panels_back_ends_its_stream_too(stage: Stage) -> None:
    stage.add_tenant("behind")
    with (
        stage.browser("trader@behind.example") as browser,
        browser.client.stream("GET", "/stream", timeout=60) as stream,
    ):
        lines = stream.iter_lines()
        next(lines)
        with stage.ledger.connect("stockade_panel") as connection:
            connection.execute(
                'UPDATE ledger.session SET revoked = now() FROM ledger."user" u'
                " WHERE u.id = user_id AND u.email = 'trader@behind.example'"
            )
        assert "event: end" in list(lines)


def test_an_expired_session_is_no_session(stage: Stage) -> None:
    stage.add_tenant("expired")
    with stage.browser("trader@expired.example") as browser:
        with stage.ledger.connect("stockade_panel") as connection:
            connection.execute(
                "UPDATE ledger.session SET created = now() - interval '2 h', expires = now() - interval '1 h'"
                ' FROM ledger."user" u WHERE u.id = user_id AND u.email = %s',
                ("trader@expired.example",),
            )
        assert browser.get("/algorithms").status_code == 302
        assert "/login" in browser.get("/").headers["location"]
        assert browser.get("/login").status_code == 200


def test_a_changed_password_ends_the_other_sessions(stage: Stage) -> None:
    stage.add_tenant("changed")
    with stage.browser("trader@changed.example") as browser, stage.browser("trader@changed.example") as other:
        answer = browser.post(
            "/you/password",
            password=PASSWORD,
            new_password="another long password",
            new_password_confirm="another long password",
        )
        assert answer.status_code == 302, answer.text
        assert browser.get("/algorithms").status_code == 200
        assert other.get("/algorithms").status_code == 302
    with stage.browser() as browser:
        assert browser.log_in("trader@changed.example", "another long password").status_code == 302


def test_a_post_without_its_csrf_token_changes_nothing(stage: Stage) -> None:
    stage.add_tenant("csrf")
    stage.add_algorithm("csrf", "grid")
    with stage.browser("trader@csrf.example") as browser:
        answer = browser.client.post("/algorithms/tenant-csrf/grid/acts", data={"act": "kill"})
        assert answer.status_code == 400
        forged = browser.client.post(
            "/accounts/tenant-csrf/main/exchange/orders", data={"symbol": "BTCUSDT"}, headers={"X-CSRFToken": "no"}
        )
        assert forged.status_code == 400
    found = stage.read("csrf", "algorithms", "grid")
    assert found
    assert found["spec"]["trading"] == "Active"


def test_a_page_asked_for_is_shown_after_the_log_in_but_never_another_site(stage: Stage) -> None:
    stage.add_tenant("next")
    with stage.browser() as browser:
        assert browser.get("/accounts?x=1").headers["location"] == "/login?next=/accounts?x%3D1"
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/login").text)
        assert token
        fields = {"email": "trader@next.example", "password": PASSWORD, "csrf_token": token[1]}
        answer = browser.client.post("/login", params={"next": "https://evil.example/"}, data=fields)
        assert "evil" not in answer.headers.get("location", "")


def test_a_fragment_without_a_session_sends_the_whole_page_to_the_log_in(stage: Stage) -> None:
    with stage.browser() as browser:
        answer = browser.get("/algorithms/rows", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login"


@pytest.mark.parametrize("path", ["/login", "/stream", "/livez", "/static/panel.css", "/nothing"])
def test_every_answer_carries_the_strict_headers(stage: Stage, path: str) -> None:
    with stage.browser() as browser:
        headers = browser.get(path).headers
    assert "script-src 'self';" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_many_wrong_passwords_have_to_wait(stage: Stage) -> None:
    stage.add_tenant("guess")
    with stage.browser() as browser:
        for _ in range(10):
            assert browser.log_in("trader@guess.example", "a wrong guess").status_code == 200
        assert browser.log_in("trader@guess.example").status_code == 503
    with stage.browser() as browser:
        assert browser.log_in("admin@stockade.example").status_code == 302


def test_many_log_ins_at_once_hash_two_at_a_time_and_all_get_in(stage: Stage) -> None:
    stage.add_tenant("many")

    def log_in(_: int) -> int:
        with stage.browser() as browser:
            return browser.log_in("trader@many.example").status_code

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(log_in, range(6)))
    assert set(answers) <= {302, 503}
    assert 302 in answers


def test_a_user_whose_tenant_is_gone_is_nobody(stage: Stage) -> None:
    stage.add_tenant("gone")
    with stage.browser("trader@gone.example") as browser:
        with stage.ledger.connect("stockade_operator") as connection:
            connection.execute("SELECT ledger.close_tenant('uid-of-gone')")
        assert browser.get("/algorithms").status_code == 302


def test_the_email_of_a_user_whose_tenant_is_gone_is_free_and_no_other(stage: Stage) -> None:
    stage.add_tenant("former")
    stage.add_tenant("latter")
    with stage.ledger.connect("stockade_operator") as connection:
        connection.execute("SELECT ledger.close_tenant(uid) FROM ledger.tenant WHERE name = 'former'")
    users = stage.parts.users
    for email in ("trader@former.example", "trader@latter.example"):
        users.free_email(email)
    stage.add_user("trader@former.example", tenant_uid=users.find_tenant_uid("latter"))
    with pytest.raises(IntegrityError):
        stage.add_user("trader@latter.example", tenant_uid=users.find_tenant_uid("latter"))
    with stage.browser("trader@former.example") as browser:
        assert browser.get("/algorithms").status_code == 200


def test_the_ledger_knows_a_token_by_its_hash() -> None:
    assert len(hash_token("x")) == 32


@pytest.mark.parametrize("form", ["page", "json", "json answer"])
def test_guesses_are_counted_whatever_form_they_come_in(stage: Stage, form: str) -> None:
    tenant = f"guesses-{form.replace(' ', '-')}"
    stage.add_tenant(tenant)
    email = f"trader@{tenant}.example"
    with stage.browser() as browser:

        def guess(password: str) -> int:
            found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/login").text)
            assert found
            fields = {"email": email, "password": password}
            headers = {"X-CSRFToken": found[1]} | ({"Accept": "application/json"} if form == "json answer" else {})
            content: dict[str, Any] = {"json": fields} if form == "json" else {"data": fields}
            return browser.client.post("/login", headers=headers, **content).status_code

        for _ in range(FAILURES_ALLOWED):
            assert guess("not the password") in {200, 400}
        assert guess(PASSWORD) == 503
