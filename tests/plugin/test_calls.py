"""What the report of a failing test says about its API calls."""

from __future__ import annotations

UUID = "11111111-2222-4333-8444-555555555555"
HEAD = """
    import httpx
    import pytest

    def ask(view, method, path, **more):
        headers = {"authorization": f"Bearer {view.token}"}
        return httpx.request(method, view.url + path, headers=headers, **more)
    """


def sections(result, title):
    """The lines of the sections of a title."""
    lines, inside = [], False
    for line in result.outlines:
        if line.startswith(("---", "===", "___")):
            inside = f" {title} " in line
        elif inside:
            lines.append(line)
    return lines


def test_calls_are_shown_with_what_came_of_them(suite):
    result = suite(
        HEAD
        + """
    def test_it(ukrom_api):
        ask(ukrom_api, "GET", "/instances")
        ask(ukrom_api, "GET", "/instances?name=ghost")
        ask(ukrom_api, "POST", "/instances", json={"bogus": 1})
        assert 1 == 2
    """
    )

    first, second, third = sections(result, "ukrom: API calls")
    assert first.startswith("GET /v1/instances -> 200 (")
    assert first.endswith(" ms)")
    assert second.endswith(" ms): No instance with name 'ghost'")
    assert third.startswith("POST /v1/instances -> 400 (")
    assert third.endswith("Unknown field 'bogus' in instance creation arguments")
    assert sections(result, "ukrom: calls that met no operation") == []


def test_only_the_tests_own_calls_are_shown(suite):
    result = suite(
        HEAD
        + """
    def test_one(ukrom_api, ukrom_session):
        ask(ukrom_api, "GET", "/healthz")

    def test_two(ukrom_api):
        ask(ukrom_api, "GET", "/services")
        assert 1 == 2

    def test_three(ukrom_session):
        assert 1 == 2
    """
    )

    result.assert_outcomes(passed=1, failed=2)
    (line,) = sections(result, "ukrom: API calls")
    assert line.startswith("GET /v1/services -> 200")


def test_many_calls_are_cut(suite):
    result = suite(
        HEAD
        + """
    def test_it(ukrom_api):
        for number in range(25):
            ask(ukrom_api, "GET", f"/instances?name={number}")
        assert 1 == 2
    """
    )

    lines = sections(result, "ukrom: API calls")
    assert lines[0] == "(5 earlier ones are left out)"
    assert len(lines) == 21
    assert lines[-1].endswith("No instance with name '24'")


def test_passing_test_shows_no_calls(suite):
    result = suite(HEAD + "\n    def test_it(ukrom_api): ask(ukrom_api, 'GET', '/nowhere')\n", "-rA")

    result.stdout.no_fnmatch_line("*ukrom: *")


def test_calls_that_met_no_operation_are_shown_with_what_comes_closest(suite):
    result = suite(
        HEAD
        + f"""
    def test_it(ukrom_api):
        assert ask(ukrom_api, "GET", "/instnces").status_code == 404
        assert ask(ukrom_api, "POST", "/instances/{UUID}/start").status_code == 405
        assert ask(ukrom_api, "GET", "/audit").status_code == 501
        assert ask(ukrom_api, "GET", "/instances/logs").status_code == 400
        with pytest.raises(Exception, match="does not answer for this host"):
            httpx.get("https://api.mars.unikraft.cloud/v1/instances?secret=1")
        assert 1 == 2
    """
    )

    result.stdout.fnmatch_lines(
        [
            "*- ukrom: calls that met no operation -*",
            "GET /v1/instnces",
            "    did you mean GET /v1/instances (read instances)[?]",
            f"POST /v1/instances/{UUID}/start",
            "    did you mean PUT /v1/instances/{uuid}/start (start instances)[?]",
            "GET /v1/audit",
            "    the platform has this; it is not emulated yet",
            "GET /v1/instances/logs",
            "    did you mean GET /v1/instances/log (read instance logs)[?]",
            "GET https://api.mars.unikraft.cloud/v1/instances",
            "    its host is not emulated",
            "    on another one there is GET /v1/instances (read instances)",
        ]
    )


def test_call_that_was_failed_on_request_is_marked(suite):
    result = suite(
        HEAD
        + """
    def test_it(ukrom_api):
        ukrom_api.fail("read instances", status=503, message="Try later")
        ask(ukrom_api, "GET", "/instances")
        ask(ukrom_api, "GET", "/instances")
        assert 1 == 2
    """
    )

    first, second = sections(result, "ukrom: API calls")
    assert first.endswith(": Try later [fault on request: HTTP 503]")
    assert second.endswith(" ms)")


def test_call_of_control_characters_cannot_spoil_the_report(suite):
    result = suite(
        HEAD
        + """
    def test_it(ukrom_api):
        ask(ukrom_api, "GET", "/%1B[31m%0Aboo")
        ask(ukrom_api, "GET", "/" + "x" * 5000)
        assert 1 == 2
    """
    )

    lines = sections(result, "ukrom: API calls")
    assert len(lines) == 2
    assert "\x1b" not in "".join(result.outlines)
    assert all(len(line) < 1000 for line in lines)


def test_same_call_again_and_again_is_one_line(suite):
    result = suite(
        HEAD
        + """
    def test_it(ukrom_api):
        for _ in range(30):
            ask(ukrom_api, "GET", "/instances")
        ask(ukrom_api, "GET", "/services")
        assert 1 == 2
    """
    )

    first, second = sections(result, "ukrom: API calls")
    assert first.startswith("GET /v1/instances -> 200 (30 times, the last ")
    assert second.startswith("GET /v1/services -> 200 (")
