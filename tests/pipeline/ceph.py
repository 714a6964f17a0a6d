"""A Ceph cluster for tests: a monitor, one storage daemon in memory and the S3 gateway, on this machine alone.

Debian and Ubuntu install what it needs with
`apt-get install --no-install-recommends ceph-mon ceph-osd radosgw ceph-common`. Up in some ten seconds.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

DEADLINE = 120.0
PROGRAMS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")

# Without `tcp_nodelay` many answers wait 40 ms for an acknowledgement: a small run takes 134 s, with it 39.
CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{monitor}]
public addr = 127.0.0.1
keyring = {folder}/keyring
osd objectstore = memstore
memstore device bytes = 2147483648
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail crit = 1
run dir = {folder}
mon data = {folder}/mon
osd data = {folder}/osd
admin socket = {folder}/$name.socket
log file = {folder}/$name.log
pid file = {folder}/$name.pid
rgw frontends = beast endpoint=127.0.0.1:{gateway} tcp_nodelay=1
"""


def installed() -> bool:
    return all(shutil.which(program) for program in PROGRAMS)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def gateway(folder: Path, access_key: str, secret_key: str) -> Iterator[str]:
    """The address of an S3 gateway that knows one user; the whole cluster ends with the context."""
    monitor, port = free_port(), free_port()
    fsid, configuration = str(uuid.uuid4()), folder / "ceph.conf"
    monitors, keyring = str(folder / "monmap"), str(folder / "keyring")
    Path(keyring).touch()
    configuration.write_text(CONFIGURATION.format(fsid=fsid, folder=folder, monitor=monitor, gateway=port))
    log = (folder / "output").open("wb")

    def command(program: str, *arguments: str) -> list[str]:
        return [program, "--conf", str(configuration), *arguments]

    def call(program: str, *arguments: str) -> None:
        done = subprocess.run(command(program, *arguments), capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode == 0, (program, arguments, done.stdout, done.stderr)

    with ExitStack() as daemons:
        daemons.enter_context(log)

        def start(program: str, *arguments: str) -> None:
            daemon = subprocess.Popen(command(program, "--foreground", *arguments), stdout=log, stderr=log)
            daemons.callback(daemon.wait)
            daemons.callback(daemon.kill)

        call("monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v2:127.0.0.1:{monitor}]", monitors)
        for name in ("mon.", "client.admin", "osd.0"):
            grants = [word for kind in ("mon", "osd") for word in ("--cap", kind, "allow *")]
            call("ceph-authtool", keyring, "--gen-key", "--name", name, *grants)
        call("ceph-mon", "--mkfs", "--id", "a", "--monmap", monitors, "--keyring", keyring)
        start("ceph-mon", "--id", "a")
        call("ceph", "osd", "new", (identity := str(uuid.uuid4())))
        (folder / "osd").mkdir()
        call("ceph-osd", "--mkfs", "--id", "0", "--osd-uuid", identity)
        start("ceph-osd", "--id", "0")
        start("radosgw", "--name", "client.admin")
        call("radosgw-admin", "user", "create", "--uid=winnow", "--display-name=Winnow",
             f"--access-key={access_key}", f"--secret-key={secret_key}")  # fmt: skip
        deadline = time.monotonic() + DEADLINE
        while socket.socket().connect_ex(("127.0.0.1", port)):
            assert time.monotonic() < deadline, (folder / "output").read_text()[-3000:]
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
