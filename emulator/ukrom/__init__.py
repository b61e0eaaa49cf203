"""A local emulator of Unikraft Cloud: its API, its images and ROMs, and real VMs in QEMU."""
