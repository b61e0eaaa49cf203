"""However a run ends, nothing of it is left."""

from __future__ import annotations

import signal

import pytest

from .leftovers import Run

ENDS = """
    import os, pathlib, sys, tempfile, threading
    import pytest

    @pytest.fixture
    def instance(ukrom, web):
        instance = ukrom.run(web(ukrom), name="one", port=80)
        assert list(pathlib.Path(tempfile.gettempdir()).glob("ukrom-run-*"))
        return instance

    @pytest.fixture
    def bad_setup(instance):
        raise RuntimeError("bad setup")

    @pytest.fixture
    def bad_teardown(instance):
        yield
        raise RuntimeError("bad teardown")

    @pytest.fixture
    def exiting(instance):
        pytest.exit("enough", returncode=7)

    @pytest.fixture(scope="session")
    def interrupted(ukrom_session, root):
        ukrom_session.run(ukrom_session.image_from_dir(root, "web", cmd=["/app"]))
        raise KeyboardInterrupt

    class Broken:
        def pytest_runtest_logreport(self):
            raise RuntimeError("broken plugin")

    def test_assertion(instance): assert 0
    def test_bad_setup(bad_setup): pass
    def test_bad_teardown(bad_teardown): pass
    def test_exit(instance): pytest.exit("enough", returncode=7)
    def test_exit_in_fixture(exiting): pass
    def test_interrupt(instance): raise KeyboardInterrupt
    def test_interrupt_in_fixture(interrupted): pass
    def test_system_exit(instance): sys.exit(3)
    def test_hard_exit(instance): os._exit(5)
    def test_internal_error(instance, request): request.config.pluginmanager.register(Broken())
    def test_waiting(instance):
        print("ready", flush=True)
        threading.Event().wait(60)
    """


@pytest.fixture
def begin(suite, pytester):
    """Start a run of one of those tests beside this one."""
    pytester.makepyfile(test_it=ENDS)
    runs = []

    def do(name, *arguments):
        runs.append(Run(pytester.path, f"test_it.py::test_{name}", "--ukrom-runner=stub", *arguments))
        return runs[-1]

    yield do
    for run in runs:
        run.process.kill()
        run.process.communicate()


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("assertion", 1),
        ("bad_setup", 1),
        ("bad_teardown", 1),
        ("exit", 7),
        ("exit_in_fixture", 7),
        ("interrupt", 2),
        ("interrupt_in_fixture", 2),
        ("system_exit", 1),
        ("hard_exit", 5),
        ("internal_error", 3),
    ],
)
def test_no_end_leaves_anything(begin, name, status):
    run = begin(name)

    output = run.end()

    assert run.process.returncode == status, output
    run.await_nothing_left()


def test_crash_of_a_worker_leaves_nothing(begin):
    run = begin("hard_exit", "-p", "xdist", "-n1")

    output = run.end()

    assert "worker 'gw0' crashed while running 'test_it.py::test_hard_exit'" in output
    run.await_nothing_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_signal_to_a_run_with_workers_leaves_nothing(begin, number):
    run = begin("waiting", "-p", "xdist", "-n1")
    run.await_folder()

    run.process.send_signal(number)
    run.end()

    run.await_nothing_left()


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 2), (signal.SIGTERM, -15), (signal.SIGKILL, -9), (signal.SIGHUP, -1)],
)
def test_no_signal_leaves_anything(begin, number, status):
    run = begin("waiting")
    run.await_line("ready")
    assert run.folders()
    assert any("ukrom-watcher" in command for command in run.descendants())

    run.process.send_signal(number)
    output = run.end()

    assert run.process.returncode == status, output
    run.await_nothing_left()


def test_end_inside_the_process_leaves_no_thread_and_no_socket(suite):
    result = suite(
        """
        import os, threading
        import pytest

        class Watch:
            def pytest_unconfigure(self):
                links = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
                sockets = [os.readlink(link) for link in links if os.path.lexists(link)]
                print("threads:", threading.enumerate() == [threading.main_thread()])
                print("sockets:", [name for name in sockets if name.startswith("socket:")])

        def test_it(ukrom, web, request):
            # Registered last, so it is asked before the plugin's own clean-up.
            request.config.add_cleanup(Watch().pytest_unconfigure)
            ukrom.run(web(ukrom), port=80).get("/")
            assert threading.active_count() > 1
            pytest.exit("enough")
        """,
        "--ukrom-runner=stub",
        "-s",
        subprocess=True,
    )

    result.stdout.fnmatch_lines(["threads: True", "sockets: []"])


def test_two_runs_at_once_do_not_disturb_each_other(begin):
    first = begin("waiting")
    first.await_line("ready")
    (folder,) = first.folders()

    begin("assertion").end()
    assert first.folders() == [folder]

    first.process.send_signal(signal.SIGINT)
    first.end()
    first.await_nothing_left()
