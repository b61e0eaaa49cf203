"""The fixtures are synchronous and serve asynchronous tests of any kind."""

from __future__ import annotations


def test_anyio_tests_run_under_asyncio_and_trio(suite):
    result = suite(
        """
        import httpx, pytest

        pytestmark = pytest.mark.anyio

        @pytest.fixture
        def instance(ukrom_api, web):
            ukrom_api.stub.answer("web", lambda request: "hi")
            return ukrom_api.run(web(ukrom_api), name="one", port=80)

        @pytest.fixture
        async def client(ukrom_api):
            headers = {"authorization": f"Bearer {ukrom_api.token}"}
            async with httpx.AsyncClient(base_url=ukrom_api.url, headers=headers) as client:
                yield client

        async def test_it(ukrom_api, instance, client):
            listed = (await client.get("/instances")).json()
            assert [item["name"] for item in listed["data"]["instances"]] == ["one"]
            async with instance.async_client() as direct, httpx.AsyncClient() as plain:
                assert (await direct.get("/")).text == "hi"
                assert (await plain.get(instance.url)).text == "hi"
            assert instance.get("/").text == "hi"
            assert instance.stop().state == "stopped"
        """,
        "-p",
        "anyio.pytest_plugin",
    )

    result.assert_outcomes(passed=2)


def test_loop_of_the_tests_own_is_left_alone(suite):
    result = suite(
        """
        import asyncio

        def test_it(ukrom_api):
            async def running():
                return asyncio.get_running_loop()

            with asyncio.Runner() as runner:
                loop = runner.get_loop()
                assert runner.run(running()) is loop
                ukrom_api.snapshots()
                assert runner.run(running()) is loop
        """
    )

    result.assert_outcomes(passed=1)
