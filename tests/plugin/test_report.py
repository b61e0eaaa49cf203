"""What a failing test shows."""

from __future__ import annotations

import pytest

FAILING = """
    def test_it(ukrom_api, web):
        ukrom_api.run(web(ukrom_api), name="one")
        ukrom_api.stub.machines[-1].print("from the guest\\n")
        assert 1 == 2
    """
# A stub's machine in the clothes of a real one, so that nothing has to boot.
DRESSED = """
    from types import SimpleNamespace
    import pytest
    from ukrom.cloud import Cloud, Endpoint
    from ukrom.emulator import Emulator
    from ukrom.qemu import QemuMachine

    class Real(QemuMachine):
        stderr, command, pid = "qemu: oh no", ("qemu", "-m", "128 M"), 4711
        waited_for = "512 MiB of memory: 1 VM of process 7 holds 1.0 of 1.2 GiB"
        unreachable, spec = ("127.0.0.1:8080",), SimpleNamespace(ports=(8080,))

        def __init__(self, keep): self.keep = keep
        def endpoint(self, port): return Endpoint(address=("127.0.0.1", 40000 + port))

    @pytest.fixture(scope="session", autouse=True)
    def dressed(tmp_path_factory):
        real = Real(tmp_path_factory.getbasetemp())
        kept = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Emulator, "machine", lambda self, uuid: real)
            patch.setattr(Cloud, "last_machine", lambda self, uuid: real, raising=False)
            patch.setattr(Emulator, "keep", lambda self, uuid: kept.append(uuid))
            yield kept
        print("kept:", len(kept))
    """


def test_failing_test_shows_its_instances(suite):
    result = suite(FAILING)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*-- ukrom instance one --*",
            "running, image ukrom-api/web:latest",
            "*-- ukrom instance one: console --*",
            "from the guest",
        ]
    )


def test_passing_test_shows_nothing(suite):
    result = suite(FAILING.replace("1 == 2", "True"), "-rA")

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*ukrom instance*")


def test_real_machine_is_shown_with_what_qemu_said(suite):
    result = suite(DRESSED + FAILING)

    result.stdout.fnmatch_lines(
        [
            "*-- ukrom instance one: had to wait for its turn --*",
            "512 MiB of memory: 1 VM of process 7 holds *",
            "*-- ukrom instance one: QEMU's standard error --*",
            "qemu: oh no",
            "*-- ukrom instance one: listens where nobody outside can reach it --*",
            "127.0.0.1:8080",
            "*-- ukrom instance one: QEMU's command line --*",
            "qemu -m '128 M'",
        ]
    )


def test_instance_of_a_tests_own_token_is_shown(suite):
    result = suite(
        """
        import httpx

        def test_it(ukrom_api, web):
            order, headers = {"image": web(ukrom_api), "name": "mine"}, {"authorization": "Bearer my-own"}
            httpx.post(f"{ukrom_api.url}/instances", json=order, headers=headers)
            assert 1 == 2
        """
    )

    result.stdout.fnmatch_lines(["*-- ukrom instance mine --*", "stopped, image ukrom-api/web:latest"])


def test_fixture_that_fails_shows_its_instances(suite):
    result = suite(
        """
        import pytest

        @pytest.fixture
        def broken(ukrom_api, web):
            ukrom_api.run(web(ukrom_api), name="one")
            raise RuntimeError("my own mistake")

        def test_it(broken): pass
        """
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*RuntimeError: my own mistake", "*-- ukrom instance one: console --*"])


@pytest.mark.parametrize("style", ["long", "short", "native", "line"])
@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("run(web(ukrom_api), memroy_mb=3)", "Unknown field 'memroy_mb' in instance creation arguments"),
        ("build_rom('missing', name='rom')", "The ROM directory 'missing' does not exist."),
        ("instance('nobody').state", "No instance with name 'nobody'"),
    ],
)
def test_failure_of_a_fixtures_method_ends_in_the_tests_line(suite, style, call, words):
    result = suite(f"def test_it(ukrom_api, web):\n    ukrom_api.{call}\n", f"--tb={style}")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{words}*"])
    result.stdout.no_fnmatch_line("*/pytest_ukrom/*")
    result.stdout.no_fnmatch_line("*/ukrom/*.py*")


def test_full_trace_shows_our_lines_too(suite):
    result = suite("def test_it(ukrom_api): ukrom_api.instance('nobody')", "--full-trace")

    result.stdout.fnmatch_lines(["*/pytest_ukrom/calls.py:*: Refused"])


def test_error_of_the_tests_own_keeps_its_traceback(suite):
    result = suite(
        """
        def helper(view):
            raise KeyError(view.metro)

        def test_it(ukrom_api):
            helper(ukrom_api)
        """
    )

    result.stdout.fnmatch_lines(["test_it.py:5: *", "E       KeyError: 'fra'", "test_it.py:2: KeyError"])


def test_unknown_image_is_told_with_those_that_are_known(suite):
    result = suite(
        """
        def test_it(ukrom_api, web):
            web(ukrom_api)
            ukrom_api.run("wbe")
        """
    )

    result.stdout.fnmatch_lines(
        [
            "E *InstanceFailed: Instance wbe-* did not come up: image 'wbe' not found",
            "E *Build it first, or use one of: ukrom-api/web:latest.",
            "test_it.py:3: InstanceFailed",
        ]
    )


def test_unknown_rom_is_told_with_the_images_that_are_known(suite):
    result = suite(
        """
        def test_it(ukrom_api, web):
            ukrom_api.run(web(ukrom_api), roms=[{"name": "rom", "image": "mor"}])
        """
    )

    result.stdout.fnmatch_lines(
        ["E *ROM image 'mor' not found", "E *Build it first, or use one of: ukrom-api/web:latest."]
    )


def test_emulator_that_cannot_start_is_told_without_a_traceback(suite, monkeypatch):
    monkeypatch.setenv("UKROM_CACHE", "/proc/no-such-folder")

    result = suite("def test_it(ukrom_api): pass")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["the emulator cannot start: The cache folder cannot be written: /proc/*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_kept_machine_is_told_with_how_to_reach_and_end_it(suite):
    result = suite(DRESSED + FAILING, "--ukrom-keep", "-q", "-s")

    result.stdout.fnmatch_lines(
        [
            "*kept: 1",
            "*-- ukrom VM left up: one --*",
            "*== VMs left up by --ukrom-keep ==*",
            "one",
            "    console in */console.log, monitor at */qmp",
            "    port 8080: curl http://127.0.0.1:48080/",
            "    end it: kill 4711 && rm -r */ukrom-run-*",
        ]
    )


def test_kept_machine_of_a_worker_is_told_as_well(suite):
    result = suite(DRESSED + FAILING, "--ukrom-keep", "-p", "xdist", "-n1", "--tb=no", subprocess=True)

    result.stdout.fnmatch_lines(["*== VMs left up by --ukrom-keep ==*", "one", "    end it: kill 4711 *"])


def test_shared_machine_is_kept_when_its_fixture_ends(suite):
    result = suite(
        DRESSED
        + """
    @pytest.fixture(scope="session")
    def shared(dressed, ukrom_session, root):
        return ukrom_session.run(ukrom_session.image_from_dir(root, "web", cmd=["/app"]), name="shared")

    def test_failing(shared): raise AssertionError
    def test_using_it_later(shared, dressed): assert (shared.state, dressed) == ("running", [])
    """,
        "--ukrom-keep",
        "--ukrom-runner=stub",
        "-s",
    )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*kept: 1"])


def test_nothing_is_kept_unless_asked(suite):
    result = suite(DRESSED + FAILING, "-s")

    result.stdout.fnmatch_lines(["*kept: 0"])
    result.stdout.no_fnmatch_line("*left up*")


def test_junit_tells_skips_and_machines(suite, pytester):
    source = (
        """
    import httpx

    def test_vm(ukrom, web):
        order, headers = {"image": web(ukrom), "autostart": True}, {"authorization": "Bearer me"}
        httpx.post(f"{ukrom.url}/instances", json=order, headers=headers)
    """
        + FAILING
    )

    suite(source, "--junitxml=junit.xml", "-o", "junit_logging=all").assert_outcomes(skipped=1, failed=1)

    junit = pytester.path.joinpath("junit.xml").read_text()
    assert 'message="it needs a VM: run pytest with --ukrom"' in junit
    assert "assert 1 == 2" in junit
