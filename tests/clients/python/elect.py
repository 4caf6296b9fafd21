"""Leader election over a Lease: two candidates, of whom the second leads when the first gives up."""

import os
import sys
import threading
import uuid

from kubernetes import client, config
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

config.load_kube_config()
namespace = os.environ["NAMESPACE"]
leases = client.CoordinationV1Api()
turns, leading = [], {name: threading.Event() for name in ("first", "second")}
identities = {name: f"{name}-{uuid.uuid4()}" for name in leading}


def stand(name, renewing):
    """Stands for election; gives up renewing once `renewing` is set."""
    lock = LeaseLock("leader", namespace, identities[name])
    renew = lock.update
    lock.update = lambda *arguments: not renewing.is_set() and renew(*arguments)

    def lead():
        turns.append(name)
        leading[name].set()

    timing = {"lease_duration": 4, "renew_deadline": 3, "retry_period": 1}
    candidate = electionconfig.Config(lock, **timing, onstarted_leading=lead, onstopped_leading=lambda: None)
    thread = threading.Thread(target=leaderelection.LeaderElection(candidate).run, daemon=True)
    thread.start()


given_up = threading.Event()
stand("first", given_up)
assert leading["first"].wait(60)
stand("second", threading.Event())
holder = leases.read_namespaced_lease("leader", namespace).spec.holder_identity
print("first leads:", holder == identities["first"], "second waits:", not leading["second"].is_set())
given_up.set()
assert leading["second"].wait(60)
spec = leases.read_namespaced_lease("leader", namespace).spec
print("second leads:", spec.holder_identity == identities["second"], "for", spec.lease_duration_seconds, "seconds")
print("turns:", turns)
# The candidates go on for ever: nobody waits for them.
sys.stdout.flush()
os._exit(0)
