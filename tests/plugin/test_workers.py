"""pytest-xdist: each worker has an emulator of its own."""

from __future__ import annotations

import pytest

MANY = """
    import pathlib
    import pytest

    @pytest.fixture(scope="module")
    def shared(ukrom_session, root):
        image = ukrom_session.image_from_dir(root, "web", cmd=["/app"])
        return ukrom_session.run(image, name="shared", port=80)

    @pytest.mark.parametrize("number", range(8))
    def test_it(ukrom, web, shared, number, worker_id):
        assert shared.state == "running"
        assert not ukrom.snapshots()
        instance = ukrom.run(web(ukrom), name="one", port=80)
        assert instance.get("/").status_code == 501
        pathlib.Path(f"url-{worker_id}").write_text(ukrom.url)
    """


@pytest.mark.parametrize("dist", ["load", "loadscope", "worksteal"])
def test_workers_do_not_disturb_each_other(suite, pytester, dist):
    result = suite(MANY, "-p", "xdist", "-n2", f"--dist={dist}", "--ukrom-runner=stub", subprocess=True)

    result.assert_outcomes(passed=8)
    urls = [path.read_text() for path in pytester.path.glob("url-gw*")]
    assert len(set(urls)) == len(urls) == (1 if dist == "loadscope" else 2)


def test_skip_reason_comes_from_the_worker(suite):
    source = "def test_it(ukrom): ukrom.run('web')"

    result = suite(source, "-p", "xdist", "-n1", "-rs", subprocess=True)

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED [[]1[]] test_it.py:1: it needs a VM: run pytest with --ukrom"])


def test_judged_failure_comes_from_the_worker(suite):
    result = suite(
        """
        import httpx

        def test_it(ukrom, web):
            order, headers = {"image": web(ukrom), "autostart": True}, {"authorization": "Bearer me"}
            httpx.post(f"{ukrom.url}/instances", json=order, headers=headers)
        """,
        "-p",
        "xdist",
        "-n1",
        "--ukrom-require-vm",
        subprocess=True,
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["it needs a VM: run pytest with --ukrom"])


def test_worker_that_crashes_is_replaced(suite):
    result = suite(
        """
        import os

        def test_crash(ukrom, web):
            ukrom.run(web(ukrom))
            os._exit(1)

        def test_other(ukrom, web):
            assert ukrom.run(web(ukrom)).state == "running"
        """,
        "-p",
        "xdist",
        "-n1",
        "--ukrom-runner=stub",
        subprocess=True,
    )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*worker 'gw0' crashed while running 'test_it.py::test_crash'"])
