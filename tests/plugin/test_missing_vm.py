"""What becomes of a test that needs a VM where there is none."""

from __future__ import annotations

import pytest

NOT_ASKED = "it needs a VM: run pytest with --ukrom"

API_ONLY = """
    def test_it(ukrom, web):
        ukrom.call("POST", "/instances", json={"image": web(ukrom), "name": "one"})
        assert ukrom.instance("one").state == "stopped"
    """
RUN = """
    def test_it(ukrom, web):
        image = web(ukrom)
        ukrom.run(image)
    """
AUTOSTART = """
    import httpx

    def test_it(ukrom, web):
        order = {"image": web(ukrom), "autostart": True}
        httpx.post(f"{ukrom.url}/instances", json=order, headers={"authorization": f"Bearer {TOKEN}"})
        assert VERDICT
    """
MARKED = """
    import pytest

    @pytest.mark.ukrom_vm
    def test_it(ukrom_session):
        raise AssertionError("must not run")
    """


def autostart(verdict=True, token="{ukrom.token}"):
    return AUTOSTART.replace("VERDICT", str(verdict)).replace("{TOKEN}", token)


def test_without_vms_the_api_still_works(suite):
    suite(API_ONLY).assert_outcomes(passed=1)


def test_run_is_skipped_at_its_own_line(suite):
    result = suite(RUN, "-rs")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED [[]1[]] test_it.py:3: {NOT_ASKED}"])


def test_run_fails_if_vms_are_required(suite):
    result = suite(RUN, "--ukrom-require-vm")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([NOT_ASKED])


def test_run_fails_if_vms_are_required_by_the_environment(suite, monkeypatch):
    monkeypatch.setenv("UKROM_REQUIRE_VM", "true")

    suite(RUN).assert_outcomes(failed=1)


@pytest.mark.parametrize("verdict", [True, False])
@pytest.mark.parametrize("token", ["{ukrom.token}", "my-own"])
def test_instance_started_by_the_api_skips_the_test_whatever_it_made_of_it(suite, verdict, token):
    result = suite(autostart(verdict, token), "-rs")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED [[]1[]] test_it.py:3: {NOT_ASKED}"])


@pytest.mark.parametrize("verdict", [True, False])
def test_instance_started_by_the_api_fails_if_vms_are_required(suite, verdict):
    result = suite(autostart(verdict), "--ukrom-require-vm")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([NOT_ASKED])
    shown = "*what the test made of it*"
    result.stdout.no_fnmatch_line(shown) if verdict else result.stdout.fnmatch_lines(
        [shown, "*assert False*"]
    )


def test_test_that_was_skipped_for_its_vm_burdens_no_later_one(suite):
    result = suite(
        """
        import httpx, pytest

        def test_first(ukrom, web):
            order, headers = {"image": web(ukrom), "autostart": True}, {"authorization": "Bearer me"}
            httpx.post(f"{ukrom.url}/instances", json=order, headers=headers)
            pytest.skip("my own reason")

        def test_second(ukrom):
            assert not ukrom.snapshots()

        def test_third():
            raise AssertionError("my own failure")
        """,
        "-rs",
    )

    result.assert_outcomes(passed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*AssertionError: my own failure", "SKIPPED *: my own reason"])


def test_failure_over_a_shared_instance_that_never_ran_is_a_skip(suite):
    result = suite(
        """
        import httpx, pytest

        @pytest.fixture(scope="module")
        def shared(ukrom_session, root):
            image = ukrom_session.image_from_dir(root, "web", cmd=["/app"])
            # By the API: `run` would skip the fixture.
            headers = {"authorization": f"Bearer {ukrom_session.token}"}
            order = {"image": image, "name": "shared", "autostart": True}
            httpx.post(f"{ukrom_session.url}/instances", json=order, headers=headers)
            return ukrom_session.instance("shared")

        def test_first(shared): raise AssertionError("not reached")
        def test_second(shared): assert shared.state == "running"
        def test_third(shared): assert shared.name == "shared"
        """,
        "-rs",
    )

    result.assert_outcomes(skipped=2, passed=1)


def test_marked_test_is_skipped_before_anything_is_built(suite):
    result = suite(MARKED, "-rs")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED [[]1[]] test_it.py:3: {NOT_ASKED}"])


def test_marked_test_is_skipped_under_the_stub_runner(suite):
    result = suite(MARKED, "--ukrom-runner=stub", "-rs")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        ["SKIPPED [[]1[]] test_it.py:3: it needs a VM, and --ukrom-runner=stub runs none"]
    )


def test_marked_test_fails_if_vms_are_required(suite):
    suite(MARKED, "--ukrom-require-vm").assert_outcomes(errors=1)


def test_marked_tests_can_be_left_out(suite):
    suite(MARKED, "-m", "not ukrom_vm").assert_outcomes(deselected=1)


def test_expected_failure_stays_one(suite):
    source = autostart(False).replace("    def test_it", "    @pytest.mark.xfail\n    def test_it")

    suite(source.replace("import httpx", "import httpx, pytest")).assert_outcomes(xfailed=1)


def test_fixture_that_runs_an_instance_skips_its_tests(suite):
    result = suite(
        """
        import pytest

        @pytest.fixture
        def instance(ukrom, web):
            return ukrom.run(web(ukrom))

        def test_it(instance): pass
        """,
        "-rs",
    )

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED [[]1[]] test_it.py:*: {NOT_ASKED}"])


def test_stub_runner_runs_without_vms(suite):
    result = suite(
        """
        def test_it(ukrom, web):
            ukrom.stub.answer("web", lambda request: "stub")
            assert ukrom.run(web(ukrom), port=80).get("/").text == "stub"
        """,
        "--ukrom-runner=stub",
    )

    result.assert_outcomes(passed=1)


def test_api_fixture_never_boots_a_vm_beside_one_that_would(suite, no_qemu):
    result = suite(
        """
        import httpx

        def test_it(ukrom, ukrom_api, web):
            assert ukrom_api.run(web(ukrom_api)).state == "running"
            order = {"image": web(ukrom_api), "autostart": True, "timeout_s": 5}
            headers = {"authorization": "Bearer my-own"}
            made = httpx.post(f"{ukrom.url}/instances", json=order, headers=headers).json()
            assert made["data"]["instances"][0]["state"] == "running"
        """,
        "--ukrom",
    )

    result.assert_outcomes(passed=1)


def test_missing_qemu_skips_and_says_how_to_get_it(suite, no_qemu):
    result = suite(RUN, "--ukrom", "-rs")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        [
            f"ukrom: no VMs: {no_qemu}, given as qemu-system-x86_64, is no file. *",
            f"SKIPPED [[]1[]] test_it.py:3: it needs a VM, and none can run here: {no_qemu}, given as *",
        ]
    )


def test_qemu_that_is_not_on_path_is_told_with_its_package(suite, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("ukrom.host.tools._ALSO", (str(tmp_path),))
    monkeypatch.setattr("ukrom.host.tools.package_manager", lambda: None)

    result = suite("def test_it(ukrom): ukrom.run('web')", "--ukrom", "-rs")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        ["SKIPPED *: it needs a VM, and none can run here: qemu-system-x86_64 (needed to *) is *. Install *"]
    )


@pytest.mark.parametrize(
    ("options", "ci", "fails"),
    [
        ([], "", False),
        ([], "true", True),
        (["--ukrom-missing=auto"], "1", True),
        (["--ukrom-missing=skip"], "true", False),
        (["--ukrom-missing=fail"], "", True),
        (["--ukrom-require-vm", "--ukrom-missing=skip"], "", True),
    ],
)
def test_policy_decides_between_skip_and_failure(suite, no_qemu, monkeypatch, options, ci, fails):
    monkeypatch.setenv("CI", ci)

    result = suite(RUN, "--ukrom", *options)

    result.assert_outcomes(failed=int(fails), skipped=int(not fails))
    if fails:
        result.stdout.fnmatch_lines([f"it needs a VM, and none can run here: {no_qemu}, given as *"])


def test_ci_demands_no_vms_where_nobody_asked_for_them(suite, monkeypatch):
    monkeypatch.setenv("CI", "true")

    suite(RUN).assert_outcomes(skipped=1)
    suite(RUN, "--ukrom-missing=fail").assert_outcomes(skipped=1)


def test_missing_kernel_is_told_with_what_gets_it(suite, monkeypatch, tmp_path, fake_qemu):
    monkeypatch.setenv("UKROM_CACHE", str(tmp_path / "empty"))

    result = suite(RUN, "--ukrom", "-rs")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED *: it needs a VM, and none can run here: *kernel*ukrom setup*"])
