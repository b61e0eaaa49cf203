"""The choice of the accelerator, with the QEMU and the guest kernel of this machine."""

from __future__ import annotations

from ukrom.host import Cache, accelerator, find_cache, find_kernel, find_qemu
from ukrom.host.trial import try_firmware, try_kernel


def test_firmware_counts_and_leaves_under_tcg():
    trial = try_firmware(find_qemu(), "tcg", deadline_s=30)
    assert trial.passed, trial.verdict


def test_chosen_accelerator_boots_the_guest_kernel(tmp_path):
    """Measured afresh: whatever this machine's KVM is, what was chosen runs a stock kernel."""
    qemu, kernel = find_qemu(), find_kernel(find_cache())
    chosen = accelerator(qemu, Cache(tmp_path), kernel, environ={})
    trial = try_kernel(qemu, chosen.name, kernel, deadline_s=10 * chosen.speed)
    assert trial.passed, trial.verdict
