"""A user's own respx mocks beside the fixtures."""

from __future__ import annotations


def test_mocks_by_decorator_and_fixture_keep_working(suite):
    result = suite(
        """
        import httpx, respx

        def listed(view):
            headers = {"authorization": f"Bearer {view.token}"}
            answer = httpx.get("https://api.fra.unikraft.cloud/v1/instances", headers=headers)
            return answer.json()["data"]["instances"]

        @respx.mock
        def test_decorator(ukrom_api):
            route = respx.get("https://example.com/").respond(text="mocked")
            assert httpx.get("https://example.com/").text == "mocked"
            assert listed(ukrom_api) == []
            assert route.call_count == 1

        def test_fixture(ukrom_api, respx_mock):
            respx_mock.get("https://example.com/").respond(text="mocked")
            assert httpx.get("https://example.com/").text == "mocked"
            assert listed(ukrom_api) == []

        def test_fixture_before_ours(respx_mock, ukrom_api):
            respx_mock.get("https://example.com/").respond(text="mocked")
            assert httpx.get("https://example.com/").text == "mocked"
            assert listed(ukrom_api) == []

        def test_failing_cloud(ukrom_api, respx_mock):
            respx_mock.get("https://api.fra.unikraft.cloud/v1/instances").respond(503)
            assert httpx.get("https://api.fra.unikraft.cloud/v1/instances").status_code == 503
            assert ukrom_api.snapshots() == ()

        def test_mocked_host_that_is_missing(ukrom_api, respx_mock):
            try:
                httpx.get("https://example.org/")
            except AssertionError as error:
                assert "not mocked" in str(error)
            else:
                raise AssertionError("it was answered")
        """,
        "-p",
        "respx.plugin",
    )

    result.assert_outcomes(passed=5)


def test_other_hosts_are_reached_while_a_fixture_is_active(suite):
    result = suite(
        """
        import threading, httpx
        from http.server import BaseHTTPRequestHandler, HTTPServer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_): pass

        def test_it(ukrom_api):
            with HTTPServer(("127.0.0.1", 0), Handler) as server:
                thread = threading.Thread(target=server.serve_forever, args=[0.01])
                thread.start()
                try:
                    assert httpx.get(f"http://127.0.0.1:{server.server_port}/").status_code == 204
                finally:
                    server.shutdown()
                    thread.join(10)
        """
    )

    result.assert_outcomes(passed=1)


def test_other_hosts_of_the_cloud_are_refused_loudly(suite):
    result = suite(
        """
        import httpx, pytest
        from ukrom.ingress import HostNotEmulated

        def test_it(ukrom_api):
            with pytest.raises(HostNotEmulated, match="does not answer for this host of the cloud"):
                httpx.get("https://api.mars.unikraft.cloud/v1/instances")
        """
    )

    result.assert_outcomes(passed=1)


def test_no_call_is_caught_after_the_last_fixture(suite):
    result = suite(
        """
        import httpx, pytest, respx
        from respx.mocks import Mocker

        def test_first(ukrom_api): assert any(mocker.routers for mocker in Mocker.registry.values())
        def test_second(): assert not any(mocker.routers for mocker in Mocker.registry.values())
        """
    )

    result.assert_outcomes(passed=2)
