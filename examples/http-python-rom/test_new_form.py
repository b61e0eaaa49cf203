"""The tutorial in its current form: the platform mounts the ROM, the service comes with the instance."""


def test_one_base_image_and_two_roms_give_two_answers(ukrom, base, rom1, rom2):
    first = ukrom.run(
        base,
        name="test-http-python-rom1",
        roms=[rom1.attach("python_function.py", at="/rom")],
        port=8080,
        memory_mb=512,
    )
    second = ukrom.run(
        base,
        name="test-http-python-rom2",
        roms=[rom2.attach("python_function.py", at="/rom")],
        port=8080,
        memory_mb=512,
    )

    assert first.url == "https://test-http-python-rom1.fra.unikraft.app"
    for instance, greeting in ((first, "Hi from 1st ROM!\n"), (second, "Hi from 2nd ROM!\n")):
        answer = instance.get("/")
        print(answer.text, end="")
        assert answer.text == greeting
        assert answer.headers["content-type"] == "text/html"

    (attached,) = first.read()["roms"]
    assert attached["name"] == "python_function.py"
    assert attached["at"] == "/rom"
    assert attached["image"].startswith("oci://unikraft.io/ukrom/my-rom1:latest@sha256:")
