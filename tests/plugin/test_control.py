"""What a test holds in its hands: faults, time, chance, metros."""

from __future__ import annotations

import pytest

HEAD = """
    import httpx
    import pytest

    def ask(view, method, path, **more):
        headers = {"authorization": f"Bearer {view.token}"}
        return httpx.request(method, view.url + path, headers=headers, **more)
    """


def test_fault_strikes_and_ends_with_the_test(suite):
    result = suite(
        HEAD
        + """
    def test_one(ukrom_api):
        fault = ukrom_api.fail("read instances", status=429, times=None)
        assert ask(ukrom_api, "GET", "/instances").headers["retry-after"] == "1"
        assert ask(ukrom_api, "GET", "/services").status_code == 200
        assert fault.struck == 1

    def test_two(ukrom_api):
        assert ask(ukrom_api, "GET", "/instances").status_code == 200
    """
    )

    result.assert_outcomes(passed=2)


def test_fault_of_the_lasting_fixture_ends_with_the_test_too(suite):
    result = suite(
        HEAD
        + """
    def test_one(ukrom_session):
        ukrom_session.fail("*", times=None)
        assert ask(ukrom_session, "GET", "/instances").status_code == 500

    def test_two(ukrom_session):
        assert ask(ukrom_session, "GET", "/instances").status_code == 200
    """
    )

    result.assert_outcomes(passed=2)


def test_fixtures_own_calls_are_struck_too(suite):
    result = suite(
        """
        import pytest
        from pytest_ukrom import Refused

        def test_it(ukrom_api, web):
            with ukrom_api.fail("create instances", code=19, message="Quota exceeded"):
                with pytest.raises(Refused, match="Quota exceeded") as caught:
                    ukrom_api.run(web(ukrom_api))
            assert caught.value.code == 19
            assert ukrom_api.run(web(ukrom_api)).state == "running"
        """
    )

    result.assert_outcomes(passed=1)


def test_unknown_operation_ends_in_the_tests_line(suite):
    result = suite("def test_it(ukrom_api): ukrom_api.fail('start instance', code=1)\n")

    result.stdout.fnmatch_lines(
        ["*SettingsError: There is no operation 'start instance' that could fail.", "*'start instances'*"]
    )
    result.stdout.no_fnmatch_line("*/ukrom/*.py*")


def test_late_answer_comes_when_the_clock_is_advanced(suite):
    result = suite(
        HEAD
        + """
    from concurrent.futures import ThreadPoolExecutor

    def test_it(ukrom_api):
        ukrom_api.clock.freeze()
        fault = ukrom_api.fail("read instances", delay=3600)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(ask, ukrom_api, "GET", "/instances", timeout=30)
            while not fault.struck:
                pass
            assert not answer.done()
            ukrom_api.clock.advance(3600)
            assert answer.result(timeout=10).status_code == 200
    """
    )

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("fixture", ["ukrom_api", "ukrom_session"])
def test_time_is_real_again_after_each_test(suite, fixture):
    result = suite(
        f"""
        from datetime import UTC, datetime, timedelta

        def test_one({fixture}):
            {fixture}.clock.freeze()
            {fixture}.clock.advance(timedelta(days=400))
            assert {fixture}.clock.frozen

        def test_two({fixture}):
            assert not {fixture}.clock.frozen
            assert abs({fixture}.clock.now() - datetime.now(UTC)) < timedelta(minutes=5)
        """
    )

    result.assert_outcomes(passed=2)


SEEDED = """
    import os
    import pytest

    @pytest.mark.parametrize("number", range({tests}))
    def test_it(ukrom_api, web, number):
        made = ukrom_api.call("POST", "/instances", json={{"image": web(ukrom_api)}})
        print("made:", number, made["uuid"], made["name"])
    """


def made(result):
    found = (line.partition("made:")[2].split() for line in result.outlines if "made:" in line)
    return {number: (uuid, name) for number, uuid, name in found}


def test_seed_fixes_what_a_test_makes_whatever_ran_before(suite):
    arguments = ["-s", "-q", "--ukrom-seed=7"]
    all_of_them = made(suite(SEEDED.format(tests=3), *arguments))
    last = made(suite(SEEDED.format(tests=3), *arguments, "-k", "2"))

    assert len(all_of_them) == 3
    assert last == {"2": all_of_them["2"]}
    assert len(set(all_of_them.values())) == 3


def test_other_seed_or_none_makes_other_names(suite):
    runs = [
        made(suite(SEEDED.format(tests=1), "-s", "-q", *seed))["0"]
        for seed in (["--ukrom-seed=7"], ["--ukrom-seed=8"], [], [])
    ]

    assert len(set(runs)) == 4


def test_seed_is_shown_in_the_header(suite):
    result = suite("def test_it(): pass", "--ukrom-seed=-3")

    result.stdout.fnmatch_lines(["ukrom: --ukrom-seed=-3"])


def test_five_metros_are_there(suite):
    result = suite(
        HEAD
        + """
    def test_it(ukrom_api, web):
        assert ukrom_api.metros == ("fra", "dal", "sin", "was", "sfo")
        assert ukrom_api.metro == "fra"
        assert ukrom_api.url_of("fra") == ukrom_api.url
        headers = {"authorization": f"Bearer {ukrom_api.token}"}
        order = {"image": web(ukrom_api), "name": "one"}
        for url in (ukrom_api.url_of("dal"), "https://api.sin.unikraft.cloud/v1"):
            assert httpx.post(f"{url}/instances", headers=headers, json=order).json()["status"] == "success"

        def count(metro):
            answer = httpx.get(f"{ukrom_api.url_of(metro)}/instances", headers=headers)
            return len(answer.json()["data"]["instances"])

        there = {metro: count(metro) for metro in ukrom_api.metros}
        assert there == {"fra": 0, "dal": 1, "sin": 1, "was": 0, "sfo": 0}
        with pytest.raises(Exception, match="There is no metro 'mars'"):
            ukrom_api.url_of("mars")
    """
    )

    result.assert_outcomes(passed=1)


def test_program_finds_every_metro_over_plain_http(suite):
    result = suite(
        """
        import asyncio
        from unikraft_cloud import AmbiguousRefError, UnikraftCloud
        import pytest

        def test_it(ukrom_api, web):
            image, base = web(ukrom_api), ukrom_api.url.removesuffix("/v1")

            async def run():
                async with UnikraftCloud(token=ukrom_api.token, control_plane_url=base, metro=None) as client:
                    for metro in ("fra", "sfo"):
                        await client.metro(metro).instances.create(image=image, name="web")
                    assert {one.metro for one in await client.instances.list()} == {"fra", "sfo"}
                    with pytest.raises(AmbiguousRefError):
                        await client.instances.get(name="web")
                    return {metro.base_url for metro in await client.available_metros()}

            with pytest.MonkeyPatch.context() as patch:
                patch.delenv("UKC_METRO")
                found = asyncio.run(run())
            assert found == {ukrom_api.url_of(metro).removesuffix("/v1") for metro in ukrom_api.metros}
        """
    )

    result.assert_outcomes(passed=1)


def test_metros_can_be_chosen(suite, pytester):
    pytester.makeini("[pytest]\nukrom_metros = dal,fra\n")
    result = suite(
        """
        import os

        def test_it(ukrom_api):
            assert ukrom_api.metros == ("dal", "fra")
            assert os.environ["UKC_METRO"] == ukrom_api.url == ukrom_api.url_of("dal")
            assert ukrom_api.url_of("fra").endswith("/fra/v1")
        """
    )

    result.assert_outcomes(passed=1)


def test_unknown_fields_pass_where_they_may(suite, monkeypatch):
    test = (
        HEAD
        + """
    def test_it(ukrom_api, web):
        answer = ask(ukrom_api, "POST", "/instances", json={"image": web(ukrom_api), "bogus": 1})
        assert answer.status_code == 200
        (warning,) = answer.json()["warnings"]
        assert warning == "Unknown field 'bogus' in instance creation arguments is ignored"
    """
    )

    suite(test, "--ukrom-unknown-fields=warn").assert_outcomes(passed=1)
    suite(test).assert_outcomes(failed=1)
    monkeypatch.setenv("UKROM_UNKNOWN_FIELDS", "warn")
    suite(test).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--ukrom-seed=x", "--ukrom-seed is 'x', expected N"),
        ("--ukrom-metros=fra,", "--ukrom-metros is 'fra,', expected CODE,..."),
        ("--ukrom-metros=Fra", "--ukrom-metros is 'Fra', expected CODE,..."),
    ],
)
def test_value_that_makes_no_sense_is_a_usage_error(suite, argument, message):
    result = suite("def test_it(): pass", argument)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])


def test_metro_that_is_named_twice_is_told(suite):
    result = suite("def test_it(ukrom_api): pass", "--ukrom-metros=fra,fra")

    result.stdout.fnmatch_lines(["*A metro is named twice: fra, fra.*"])


def test_state_is_dumped_and_loaded(suite):
    result = suite(
        """
        import json

        def test_it(ukrom_api, web):
            ukrom_api.run(web(ukrom_api), name="one", autostart=False)
            before = ukrom_api.instance("one").uuid
            document = json.loads(json.dumps(ukrom_api.dump()))
            ukrom_api.instance("one").delete()
            ukrom_api.load(document)
            assert ukrom_api.instance("one").uuid == before
        """
    )

    result.assert_outcomes(passed=1)
