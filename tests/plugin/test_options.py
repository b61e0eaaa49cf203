from __future__ import annotations

import pytest

PASSING = "def test_it(): pass"


def origins(result):
    lines = [line for line in result.outlines if line.startswith("ukrom: ")]
    return lines[-1] if lines else None


def test_header_is_silent_by_default(suite):
    assert origins(suite(PASSING)) is None


def test_command_line_beats_environment_and_ini(suite, pytester, monkeypatch):
    pytester.makeini("[pytest]\nukrom_runner = qemu\n")
    monkeypatch.setenv("UKROM_RUNNER", "auto")

    result = suite(PASSING, "--ukrom-runner=stub")

    result.stdout.fnmatch_lines(["ukrom: stub runner, no VMs"])
    assert origins(result) == "ukrom: --ukrom-runner=stub"


def test_environment_beats_ini(suite, pytester, monkeypatch):
    pytester.makeini("[pytest]\nukrom_runner = qemu\n")
    monkeypatch.setenv("UKROM_RUNNER", "STUB")

    result = suite(PASSING)

    result.stdout.fnmatch_lines(["ukrom: stub runner, no VMs"])
    assert origins(result) == "ukrom: UKROM_RUNNER=STUB in the environment"


def test_environment_turns_off_a_flag_of_the_ini_file(suite, pytester, monkeypatch):
    pytester.makeini("[pytest]\nukrom = true\n")
    monkeypatch.setenv("UKROM", "0")

    result = suite(PASSING)

    result.stdout.fnmatch_lines(["ukrom: no VMs without --ukrom"])
    assert origins(result) == "ukrom: UKROM=0 in the environment"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pytest.ini", "[pytest]\nukrom_runner = stub\nukrom_keep = true\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\nukrom_runner = 'stub'\nukrom_keep = true\n"),
    ],
)
def test_options_are_read_from_the_ini_file(suite, pytester, file, text):
    pytester.path.joinpath(file).write_text(text)

    result = suite(PASSING, "--strict-config")

    result.stdout.fnmatch_lines(["ukrom: stub runner, no VMs"])
    assert origins(result) == (
        "ukrom: ukrom_runner = stub in the ini file, ukrom_keep = true in the ini file"
    )


def test_header_is_silent_in_quiet_mode(suite):
    assert origins(suite(PASSING, "--ukrom-runner=stub", "-q")) is None


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("UKROM", "maybe", "the environment variable UKROM is 'maybe', expected one of 1, true, *"),
        (
            "UKROM_RUNNER",
            "kvm",
            "the environment variable UKROM_RUNNER is 'kvm', expected one of auto, qemu, stub",
        ),
        (
            "UKROM_MISSING",
            "1",
            "the environment variable UKROM_MISSING is '1', expected one of auto, skip, fail",
        ),
    ],
)
def test_bad_environment_is_a_usage_error(suite, monkeypatch, variable, value, message):
    monkeypatch.setenv(variable, value)

    result = suite(PASSING)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    result.stderr.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ukrom = maybe", "the ini option ukrom: *'maybe'*"),
        ("ukrom_runner = kvm", "the ini option ukrom_runner is 'kvm', expected one of auto, qemu, stub"),
    ],
)
def test_bad_ini_value_is_a_usage_error(suite, pytester, line, message):
    pytester.makeini(f"[pytest]\n{line}\n")

    result = suite(PASSING)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    result.stderr.no_fnmatch_line("*Traceback*")


def test_bad_choice_on_the_command_line_is_a_usage_error(suite):
    result = suite(PASSING, "--ukrom-runner=kvm")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--ukrom-runner: invalid choice: 'kvm'*"])


def test_required_vm_and_stub_contradict_each_other(suite, monkeypatch):
    monkeypatch.setenv("UKROM_REQUIRE_VM", "1")

    result = suite(PASSING, "--ukrom-runner=stub")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: UKROM_REQUIRE_VM=1 in the environment and --ukrom-runner=stub contradict each other: *"]
    )


def test_help_shows_the_group_with_the_other_names(suite):
    result = suite(PASSING, "--help")

    result.stdout.fnmatch_lines(["Unikraft Cloud emulator with ROMs:", "  --ukrom *"])
    text = " ".join(result.stdout.str().split())
    for option in ("ukrom", "ukrom_runner", "ukrom_missing", "ukrom_require_vm", "ukrom_keep"):
        assert f"(ini: {option}, env: {option.upper()})" in text


def test_fixtures_are_listed_with_what_they_give(suite):
    result = suite(PASSING, "--fixtures")

    for line in ("ukrom --*", "ukrom_api --*", "ukrom_session [[]session scope[]] --*"):
        result.stdout.fnmatch_lines([line, "    [A-Z]*"], consecutive=True)
    result.stdout.no_fnmatch_line("_ukrom_run*")


def test_the_domain_suffix_that_is_reported_can_be_chosen(suite):
    result = suite(
        """
        def test_it(ukrom):
            ukrom.stub.answer("web", lambda request: "here")
            inst = ukrom.run(ukrom.stub_image("web"), name="web", port=8080)
            assert inst.url == "https://web.fra.kraft.cloud"
            assert inst.get("/").text == "here"
        """,
        "--ukrom-runner=stub",
        "--ukrom-suffix=kraft.cloud",
    )

    result.assert_outcomes(passed=1)


def test_quotas_can_be_chosen(suite):
    result = suite(
        """
        import pytest
        from pytest_ukrom import Refused

        def test_it(ukrom_api):
            web = ukrom_api.stub_image("web")
            for _ in range(2):
                ukrom_api.run(web, vcpus=4)
            with pytest.raises(Refused, match="Quota exceeded") as caught:
                ukrom_api.run(web)
            assert caught.value.code == 19
        """,
        "--ukrom-quota=instances=2, max_vcpus=4",
    )

    result.assert_outcomes(passed=1)


def test_quotas_are_the_documented_ones_unless_chosen(suite):
    result = suite(
        """
        import pytest
        from pytest_ukrom import Refused

        def test_it(ukrom_api):
            web = ukrom_api.stub_image("web")
            for _ in range(64):
                ukrom_api.run(web, autostart=False)
            with pytest.raises(Refused, match="Quota exceeded"):
                ukrom_api.run(web)
        """
    )

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (
            "instnces=3",
            ", expected NAME=N,... with each name once, out of instances, live_vcpus, *max_volume_mb",
        ),
        ("instances=many", ", expected NAME=N,... *"),
        ("instances=-1", ", expected NAME=N,... *"),
        ("instances", ", expected NAME=N,... *"),
        ("instances=1,instances=2", ", expected NAME=N,... *"),
        ("roms=9", ", expected NAME=N,... *"),
        ("min_vcpus=2", ": The limit max_vcpus is 1, and min_vcpus is 2."),
    ],
)
def test_bad_quota_is_a_usage_error(suite, value, problem):
    result = suite(PASSING, f"--ukrom-quota={value}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --ukrom-quota is '{value}'{problem}"])
    result.stderr.no_fnmatch_line("*Traceback*")


def test_quota_is_read_from_environment_and_ini_file(suite, pytester, monkeypatch):
    pytester.makeini("[pytest]\nukrom_quota = instances=3\n")
    ini = origins(suite(PASSING))
    monkeypatch.setenv("UKROM_QUOTA", "instances=4")

    assert ini == "ukrom: ukrom_quota = instances=3 in the ini file"
    assert origins(suite(PASSING)) == "ukrom: UKROM_QUOTA=instances=4 in the environment"
