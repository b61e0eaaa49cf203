from __future__ import annotations


def test_httpx_reaches_the_api_by_its_real_name(suite):
    result = suite(
        """
        import asyncio, httpx

        def test_it(ukrom_api, web):
            url = "https://api.fra.unikraft.cloud/v1/instances"
            order = {"image": web(ukrom_api), "name": "one"}
            headers = {"authorization": f"Bearer {ukrom_api.token}"}

            made = httpx.post(url, json=order, headers=headers).json()

            async def listed():
                async with httpx.AsyncClient(headers=headers) as client:
                    return (await client.get(url)).json()

            (item,) = asyncio.run(listed())["data"]["instances"]
            assert item["uuid"] == made["data"]["instances"][0]["uuid"]
            assert ukrom_api.instance("one").uuid == item["uuid"]
        """
    )

    result.assert_outcomes(passed=1)


def test_httpx_reaches_the_api_by_its_url(suite):
    result = suite(
        """
        import httpx

        def test_it(ukrom_api):
            assert ukrom_api.url.startswith("http://127.0.0.1:") and ukrom_api.url.endswith("/v1")
            headers = {"authorization": f"Bearer {ukrom_api.token}"}
            answer = httpx.get(f"{ukrom_api.url}/instances", headers=headers)
            assert answer.json()["data"] == {"instances": []}
        """
    )

    result.assert_outcomes(passed=1)


def test_other_programs_reach_the_api_by_the_environment(suite):
    result = suite(
        """
        import json, os, subprocess, sys

        CLIENT = '''
        import os, urllib.request
        url, token = os.environ["UKC_METRO"] + "/instances", os.environ["UKC_TOKEN"]
        request = urllib.request.Request(url, headers={"authorization": f"Bearer {token}"})
        print(urllib.request.urlopen(request, timeout=20).read().decode())
        '''

        def test_it(ukrom_api, web, monkeypatch):
            monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
            ukrom_api.run(web(ukrom_api), name="one")
            command = [sys.executable, "-c", CLIENT.replace("\\n        ", "\\n")]
            answer = json.loads(subprocess.check_output(command, timeout=60))
            assert [item["name"] for item in answer["data"]["instances"]] == ["one"]
        """
    )

    result.assert_outcomes(passed=1)


def test_official_sdk_needs_no_arguments(suite):
    result = suite(
        """
        import asyncio
        from unikraft_cloud import UnikraftCloud

        def test_it(ukrom_api, web):
            image = web(ukrom_api)

            async def create():
                async with UnikraftCloud() as cloud:
                    return await cloud.instances.create(name="one", image=image, autostart=True, timeout_s=5)

            assert asyncio.run(create()).state == "running"
            assert ukrom_api.instance("one").state == "running"
        """
    )

    result.assert_outcomes(passed=1)


def test_official_sdk_reaches_the_metro_by_its_code(suite):
    result = suite(
        """
        import asyncio
        from unikraft_cloud import UnikraftCloud

        def test_it(ukrom_api, web):
            image = web(ukrom_api)

            async def create():
                async with UnikraftCloud(token=ukrom_api.token, metro=ukrom_api.metro) as cloud:
                    return await cloud.instances.create(name="one", image=image)

            assert asyncio.run(create()).name == "one"
            assert ukrom_api.metro == "fra"
            assert ukrom_api.instance("one").state == "stopped"
        """
    )

    result.assert_outcomes(passed=1)


def test_environment_names_the_emulator_and_no_other_cloud(suite, monkeypatch):
    monkeypatch.setenv("UKC_TOKEN", "real")
    monkeypatch.setenv("UKC_METRO", "was0")
    monkeypatch.setenv("KRAFTCLOUD_TOKEN", "real")
    monkeypatch.delenv("UKC_USER", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("no_proxy", "intranet")
    result = suite(
        """
        import os

        NAMES = ("UKC_TOKEN", "UKC_METRO", "UKC_USER", "KRAFTCLOUD_TOKEN", "NO_PROXY", "no_proxy")

        def values():
            return [os.environ.get(name) for name in NAMES]

        def test_during(ukrom_api):
            no_proxy = "intranet,127.0.0.1,localhost"
            assert values() == [ukrom_api.token, ukrom_api.url, ukrom_api.user, None, no_proxy, no_proxy]

        def test_after():
            assert values() == ["real", "was0", None, "real", None, "intranet"]
        """
    )

    result.assert_outcomes(passed=2)


def test_environment_follows_the_innermost_fixture(suite):
    result = suite(
        """
        import os, pytest

        def user():
            return os.environ.get("UKC_USER")

        def test_late_outer_fixture(ukrom_api, request):
            assert user() == "ukrom-api"
            request.getfixturevalue("ukrom_session")
            assert user() == "ukrom-session"

        def test_outer_fixture_alone():
            assert user() == "ukrom-session"

        def test_inner_fixture(ukrom_api):
            assert user() == "ukrom-api"
        """
    )

    result.assert_outcomes(passed=3)


def test_everything_but_images_goes_with_the_test(suite):
    result = suite(
        """
        import httpx

        def test_first(ukrom_api, web):
            ukrom_api.run(web(ukrom_api), name="one", port=8080)
            ukrom_api.call("POST", "/services", json={"name": "group", "services": [{"port": 80}]})

        def test_second(ukrom_api):
            assert not ukrom_api.snapshots()
            url, headers = f"{ukrom_api.url}/services", {"authorization": f"Bearer {ukrom_api.token}"}
            assert httpx.get(url, headers=headers).json()["data"] == {"service_groups": []}
            assert [image.tags for image in ukrom_api.list_images()]
            ukrom_api.run("ukrom-api/web", name="one", port=8080)
        """
    )

    result.assert_outcomes(passed=2)


def test_what_a_test_made_under_its_own_tokens_goes_with_the_test(suite):
    result = suite(
        """
        import httpx, pytest

        def instances(view):
            headers = {"authorization": "Bearer my-own"}
            return httpx.get(f"{view.url}/instances", headers=headers).json()["data"]["instances"]

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(ukrom_api, web, time):
            assert not instances(ukrom_api)
            order = {"image": web(ukrom_api), "name": "one", "autostart": True, "timeout_s": 5}
            headers = {"authorization": "Bearer my-own"}
            answer = httpx.post(f"{ukrom_api.url}/instances", headers=headers, json=order)
            assert answer.json()["data"]["instances"][0]["state"] == "running"
            assert len(instances(ukrom_api)) == 1
            assert not ukrom_api.snapshots()
        """
    )

    result.assert_outcomes(passed=2)


def test_what_a_module_shares_outlives_its_tests(suite):
    result = suite(
        """
        import httpx, pytest

        HEADERS = {"authorization": "Bearer my-own"}

        @pytest.fixture(scope="module")
        def shared(ukrom_session, root):
            image = ukrom_session.image_from_dir(root, "web", cmd=["/app"])
            httpx.post(f"{ukrom_session.url}/instances", headers=HEADERS, json={"image": image})
            return ukrom_session.run(image, name="shared")

        @pytest.mark.parametrize("time", [1, 2])
        def test_it(shared, ukrom, time):
            assert shared.state == "running"
            assert not ukrom.snapshots()
            assert len(httpx.get(f"{ukrom.url}/instances", headers=HEADERS).json()["data"]["instances"]) == 1
        """,
        "--ukrom-runner=stub",
    )

    result.assert_outcomes(passed=2)


def test_registered_answer_is_what_the_instance_says(suite):
    result = suite(
        """
        import asyncio

        def test_it(ukrom_api, web):
            ukrom_api.stub.answer("ukrom-api/web", lambda request: f"{request.method} {request.path}")
            instance = ukrom_api.run(web(ukrom_api), name="one", port=8080)
            assert instance.url == "https://one.fra.unikraft.app"
            assert instance.get("/a").text == "GET /a"
            assert instance.request("POST", "/b").text == "POST /b"

            async def ask():
                async with instance.async_client() as client:
                    return (await client.get("/c")).text

            assert asyncio.run(ask()) == "GET /c"
            with instance.client(headers={"a": "b"}) as client:
                assert client.get("/d").request.headers["a"] == "b"
        """
    )

    result.assert_outcomes(passed=1)


def test_life_of_an_instance(suite):
    result = suite(
        """
        import pytest
        from pytest_ukrom import InstanceFailed, Refused

        def test_it(ukrom_api, web):
            instance = ukrom_api.run(web(ukrom_api), name="one", env={"A": "b"}, args=["/app", "x"])
            assert instance.state == "running"
            assert instance.read()["args"] == ["/app", "x"]
            assert instance.stop().state == "stopped"
            with pytest.raises(InstanceFailed, match="Instance one did not become running: "):
                instance.wait("running", timeout=0.01)
            assert instance.start().wait().state == "running"
            ukrom_api.stub.machines[-1].print("hello\\n")
            assert "hello" in instance.logs()
            assert repr(instance) == f"<Instance one {instance.uuid}>"
            instance.delete()
            with pytest.raises(Refused) as refused:
                instance.read()
            assert refused.value.code == 8
        """
    )

    result.assert_outcomes(passed=1)


def test_instance_used_after_its_test_says_what_to_use(suite):
    result = suite(
        """
        import pytest

        KEPT = []

        def test_first(ukrom_api, web):
            instance = ukrom_api.run(web(ukrom_api), name="one", port=80)
            KEPT.extend([instance, instance.get])

        @pytest.mark.parametrize("use", [
            lambda one: one.state, lambda one: one.get("/"), lambda one: one.exec(["/app"]),
            lambda one: one.client(), lambda one: one.stop(), lambda one: one._ukrom.run("web"),
        ])
        def test_second(use):
            with pytest.raises(Exception) as raised:
                use(KEPT[0])
            assert str(raised.value) == (
                "The fixture of the account 'ukrom-api' has ended, and its instances with it.\\n"
                "For instances that outlive a test, use the fixture `ukrom_session`."
            )
        """
    )

    result.assert_outcomes(passed=7)


def test_stub_has_no_guest_to_run_commands_in(suite):
    result = suite(
        """
        import pytest
        from ukrom.errors import UkromError

        def test_it(ukrom_api, web):
            instance = ukrom_api.run(web(ukrom_api))
            with pytest.raises(UkromError, match="is only a stub: there is no guest to look into"):
                instance.exec(["/app"])
            with pytest.raises(UkromError, match="has no service, so no URL leads to it"):
                instance.get("/")
        """
    )

    result.assert_outcomes(passed=1)


def test_proxy_of_the_environment_is_not_asked_for_the_emulator(suite, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    result = suite(
        """
        import httpx

        def test_it(ukrom_api, web):
            ukrom_api.stub.answer("web", lambda request: "hi")
            instance = ukrom_api.run(web(ukrom_api), name="one", port=80)
            assert instance.get("/").text == "hi"
            headers = {"authorization": f"Bearer {ukrom_api.token}"}
            for url in (ukrom_api.url, "https://api.fra.unikraft.cloud/v1"):
                assert httpx.get(f"{url}/instances", headers=headers).status_code == 200
            assert httpx.get("https://one.fra.unikraft.app/").text == "hi"
        """
    )

    result.assert_outcomes(passed=1)
