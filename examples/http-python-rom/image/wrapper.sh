#!/bin/sh
# The old form: the guest mounts its ROM itself, then becomes the application.
mkdir -p /tmp
mount -t erofs -o ro /dev/ukp_rom_python_function.py /tmp || exit
exec "$@"
