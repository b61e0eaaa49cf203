"""Many threads at once: creates, waits, reports and leases over one cloud."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from ukrom.cloud import Cloud, State, StopOrder, StubRunner, Wait

THREADS, ROUNDS = 8, 20


def test_instances_come_and_go_from_many_threads(store, order):
    cloud = Cloud(runner=StubRunner(), images=store)
    cloud.runner.answer("org/web", lambda _: "hi")
    account = cloud.account("token")
    space = cloud.space(account)
    barrier = Barrier(THREADS)

    def live(_):
        barrier.wait(10)
        for _ in range(ROUNDS):
            with cloud.guard:
                (instance,) = space.create_instances(order())
                run = cloud.lifecycle.start(instance)
            cloud.waits.future(until(lambda run=run: run.up_since is not None)).result(10)
            fqdn = instance.group.domains[0].fqdn("unikraft.app")
            lease = cloud.gateway.lease(cloud.gateway.route(fqdn, 443)).result(10)
            assert lease.instance_uuid == instance.uuid
            lease.release()
            with cloud.guard:
                cloud.lifecycle.stop(instance, StopOrder())
            assert instance.state is State.STOPPED
            with cloud.guard:
                cloud.remove(instance)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(live, range(THREADS)))

    assert cloud.instances(account) == ()
    assert len(cloud.runner.machines) == THREADS * ROUNDS
    assert cloud.gateway.public_ports() == frozenset()
    assert not cloud.waits.sleeping


def until(condition):
    return (yield Wait(condition))


def test_blocked_waits_end_when_the_cloud_closes(cloud, create, start):
    instances = [create() for _ in range(50)]
    runs = [start(instance) for instance in instances]
    with ThreadPoolExecutor(50) as pool:
        blocked = [
            pool.submit(cloud.waits.future(until(lambda run=run: run.over)).result, 10) for run in runs
        ]
        cloud.close()

        assert all(future.result(10) for future in blocked)
