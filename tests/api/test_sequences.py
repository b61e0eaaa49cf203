"""Sequences of calls that nobody would think of: what holds after every one of them.

The clock stands still but for its jumps, machines do what the rules say, and every answer is read by
its shape.
"""

from __future__ import annotations

import json
from functools import cache

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule
from pydantic import TypeAdapter

from ukrom.api import PLATFORM, Api, Request
from ukrom.api.shapes import answer_shape
from ukrom.clock import VirtualClock
from ukrom.cloud import FROZEN, LIVE, TRANSITIONS, Cloud, Happening, State, StubRunner, VolumeState

from .conftest import MemoryStore

APP = {"image": "org/app:1"}
ROM = {"name": "cfg", "files": [{"path": "cfg.txt", "data": "1"}], "at": "/cfg"}
GROUP = {"services": [{"port": 443, "destination_port": 8080, "handlers": ["tls", "http"]}]}
REACHABLE = {(source, target) for (source, _), target in TRANSITIONS.items()}

NAMES = st.sampled_from([f"name{number}" for number in range(6)])
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "autostart": st.just(True),
        "service_group": st.just(GROUP),
        "roms": st.just([ROM]),
        "restart_policy": st.sampled_from(["always", "on-failure"]),
        "scale_to_zero": st.sampled_from(
            [{"policy": "on", "cooldown_time_ms": 500}, {"policy": "idle", "stateful": True}]
        ),
        "features": st.just(["delete-on-stop"]),
        "autokill": st.sampled_from([{"time_ms": 3000}, {"time_ms": 0, "num_requests": 1}]),
        "volumes": st.just([{"size_mb": 8, "at": "/data"}]),
        "replicas": st.just(1),
    },
)
CHANGES = st.sampled_from(
    [
        {"prop": "tags", "op": "set", "value": ["a", "b"]},
        {"prop": "tags", "op": "del", "value": ["a"]},
        {"prop": "env", "op": "add", "value": {"A": "1"}},
        {"prop": "env", "op": "set"},
        {"prop": "memory_mb", "op": "set", "value": 256},
        {"prop": "memory_mb", "op": "set", "value": 1},
        {"prop": "roms", "op": "set", "value": [ROM]},
        {"prop": "roms", "op": "del", "value": ["cfg"]},
        {"prop": "scale_to_zero", "op": "set", "value": {"policy": "on"}},
        {"prop": "scale_to_zero", "op": "set"},
        {"prop": "delete_lock", "op": "set", "value": True},
        {"prop": "delete_lock", "op": "set"},
        {"prop": "autokill", "op": "set", "value": {"time_ms": 1000, "num_requests": 0}},
    ]
)


@cache
def shape_of(name):
    (operation,) = [one for one in PLATFORM if one.name == name]
    return TypeAdapter(answer_shape(operation.answer, operation.key) if operation.answer else dict)


class Sequences(RuleBasedStateMachine):
    instances = Bundle("instances")
    templates = Bundle("templates")
    volumes = Bundle("volumes")

    def __init__(self):
        super().__init__()
        self.clock = VirtualClock()
        self.clock.freeze()
        self.store = MemoryStore()
        self.store.put("org/app:1", args=("/app",))
        self.runner = StubRunner()
        self.cloud = Cloud(runner=self.runner, images=self.store, clock=self.clock, seed=3)
        self.account = self.cloud.account("token")
        self.api = Api(self.cloud)
        self.seen = {}
        for happening in Happening:
            self.cloud.happenings.on(happening, self.look)

    def teardown(self):
        self.cloud.close()
        self.clock.close()

    def look(self, instance):
        """No state comes after another unless the table has a way there, of one move or of a few."""
        before = self.seen.get(instance.uuid, State.STOPPED)
        self.seen[instance.uuid] = instance.state
        assert instance.state is before or reachable(before, instance.state), (before, instance.state)

    def call(self, name, method, path, body):
        request = Request(method, f"/v1{path}", authorization="Bearer token", body=json.dumps(body).encode())
        answer = self.api.handle(request)
        # What is due at once is due on the clock's thread while time stands still.
        self.clock.advance(0)
        if not hasattr(answer, "status"):
            # A wait that nothing ends but time.
            self.clock.advance(3600)
            answer = answer.future.result(timeout=10)
        assert answer.status < 500 or answer.status == 501, answer.body
        if answer.status != 200:
            return []
        envelope = shape_of(name).validate_json(answer.body)
        (items,) = envelope["data"].values()
        return [item["uuid"] for item in items if item["status"] == "success"]

    @rule(target=instances, name=NAMES, fields=FIELDS)
    def create(self, name, fields):
        body = {"name": name, **APP, **fields}
        return multiple(*self.call("create instances", "POST", "/instances", body))

    @rule(target=instances, template=templates, fields=FIELDS)
    def clone(self, template, fields):
        body = {**fields, "template": {"uuid": template}}
        return multiple(*self.call("create instances", "POST", "/instances", body))

    @rule(target=instances, name=NAMES)
    def clone_on_demand(self, name):
        template = {
            "name": name,
            "prepare": True,
            "prepare_timeout_s": 5,
            "create_args": {"image": "org/app:1"},
        }
        return multiple(*self.call("create instances", "POST", "/instances", {"template": template}))

    @rule(target=instances, source=instances)
    def branch(self, source):
        return multiple(
            *self.call("create instances", "POST", "/instances", {"branch_from": {"uuid": source}})
        )

    @rule(target=templates, uuid=instances)
    def convert(self, uuid):
        return multiple(
            *self.call("convert instances into templates", "POST", "/instances/templates", [{"uuid": uuid}])
        )

    @rule(uuid=instances, how=st.sampled_from([{}, {"force": True}]))
    def stop(self, uuid, how):
        self.call("stop instances", "PUT", "/instances/stop", [{"uuid": uuid, **how}])

    @rule(uuid=instances, name=st.sampled_from(["start", "suspend"]))
    def start_or_suspend(self, uuid, name):
        self.call(f"{name} instances", "PUT", f"/instances/{name}", [{"uuid": uuid}])

    @rule(uuid=instances, state=st.sampled_from(["running", "stopped", "standby"]))
    def wait(self, uuid, state):
        self.call(
            "wait for instances", "GET", "/instances/wait", [{"uuid": uuid, "state": state, "timeout_s": 1}]
        )

    @rule(uuid=instances, change=CHANGES)
    def patch(self, uuid, change):
        self.call("update instances", "PATCH", "/instances", [{"uuid": uuid, **change}])

    @rule(uuid=consumes(instances))
    def delete(self, uuid):
        self.call("delete instances", "DELETE", "/instances", [{"uuid": uuid}])

    @rule(uuid=consumes(templates))
    def delete_template(self, uuid):
        self.call("delete instance templates", "DELETE", "/instances/templates", [{"uuid": uuid}])

    @rule(target=volumes, name=NAMES)
    def create_volume(self, name):
        return multiple(*self.call("create volumes", "POST", "/volumes", {"name": name, "size_mb": 8}))

    @rule(volume=volumes, instance=instances)
    def attach(self, volume, instance):
        item = {"uuid": volume, "attach_to": {"uuid": instance}, "at": "/mnt"}
        self.call("attach volumes", "PUT", "/volumes/attach", [item])

    @rule(volume=volumes)
    def detach(self, volume):
        self.call("detach volumes", "PUT", "/volumes/detach", [{"uuid": volume}])

    @rule(volume=consumes(volumes))
    def delete_volume(self, volume):
        self.call("delete volumes", "DELETE", "/volumes", [{"uuid": volume}])

    @rule(seconds=st.sampled_from([0.4, 1.1, 11.0, 400.0]))
    def advance(self, seconds):
        self.clock.advance(seconds)

    @rule(which=st.integers(0, 20), how=st.sampled_from(["exit 0", "exit 1", "crash", "template", "veto"]))
    def machine_does(self, which, how):
        alive = [machine for machine in self.runner.machines if machine.alive]
        if not alive:
            return
        machine = alive[which % len(alive)]
        match how:
            case "exit 0":
                machine.exit(0)
            case "exit 1":
                machine.exit(1)
            case "crash":
                machine.crash(0x0C7F04)
            case "template":
                machine.write_template()
            case "veto":
                machine.disable_scale_to_zero(1)

    @invariant()
    def states_and_machines_agree(self):
        with self.cloud.guard:
            for space in self.cloud.spaces(self.account):
                for instance in space.instances:
                    assert (instance.run is not None) is (instance.state in LIVE), instance.state
                    if instance.state in FROZEN:
                        assert instance.group is None
                running = {one.uuid for one in space.instances if one.run is not None}
                for volume in space.volumes:
                    users = running & set(volume.attached_to)
                    assert len(users) <= 1
                    assert volume.state is not VolumeState.TEMPLATE or not users

    @invariant()
    def inline_content_lives_as_long_as_its_holders(self):
        with self.cloud.guard:
            for space in self.cloud.spaces(self.account):
                held = {
                    rom.source.uuid
                    for one in space.instances
                    for rom in one.roms
                    if hasattr(rom.source, "holders")
                }
                assert set(space.inline_images) >= held
                for image in space.inline_images.values():
                    assert image.holders

    @invariant()
    def load_of_a_dump_changes_nothing(self):
        # What is due at once, as a first restart is, else happens on the clock's thread: sooner or later.
        self.clock.advance(0)
        before = self.cloud.dump(self.account)
        clock = VirtualClock()
        clock.freeze()
        clock.move_to(self.clock.now())
        other = Cloud(runner=StubRunner(), images=self.store, clock=clock, seed=4)
        try:
            account = other.account("token")
            other.load(account, json.loads(json.dumps(before)))

            assert other.dump(account) == before
        finally:
            other.close()
            clock.close()


@cache
def ways(source):
    return {target for one, target in REACHABLE if one is source}


def reachable(source, target):
    """Whether the table leads from one state to another; some moves follow each other unseen."""
    found, new = {source}, {source}
    while new:
        new = {state for one in new for state in ways(one)} - found
        found |= new
    return target in found


TestSequences = Sequences.TestCase
TestSequences.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
