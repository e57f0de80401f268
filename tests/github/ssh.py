"""Git over SSH: Debian's sshd, which knows one user, `git`, and the deploy keys of the stand-in."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.listening import kept_ports

from . import hook, sshd_front
from .model import DeployKey

# sshd wants its user in /etc/passwd and a folder in /run: both only in a mount namespace of its own,
# so that nothing of the machine is changed
START = """
set -eu
mount --make-rprivate /
mount -t tmpfs none /run
mkdir -m 755 /run/sshd
{ cat /etc/passwd; echo "git:x:0:0::$1:/bin/sh"; } > "$1/passwd"
mount --bind "$1/passwd" /etc/passwd
folder=$1
shift
exec "$@" -i -e -f "$folder/config"
"""


def obstacle() -> str | None:
    """Say what keeps sshd from being started here."""
    if program() is None:
        return "sshd is not there (Debian: openssh-server)"
    return None if os.geteuid() == 0 else "sshd lets only root change users"


def program() -> str | None:
    return shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")


@dataclass(frozen=True)
class Ssh:
    folder: Path
    host: str
    socket: Path
    port: int

    @property
    def host_key(self) -> str:
        """The public host key: its kind and the key itself."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    @property
    def known_hosts(self) -> str:
        return f"{self.host} {self.host_key}"

    def allow(self, keys: Iterable[DeployKey]) -> None:
        """Let in exactly these keys, each only to the command that asks the stand-in what it opens."""
        lines = [
            f'restrict,command="{sys.executable} -I -S {hook.__file__} ssh {self.socket} {key.id}" {key.key}\n'
            for key in keys
        ]
        fresh = self.folder / "fresh"
        fresh.write_text("".join(lines))
        fresh.replace(self.folder / "keys")  # sshd never reads half a file


@contextlib.contextmanager
def serve(folder: Path, host: str, socket: Path, listen: str) -> Iterator[Ssh]:
    """Run sshd in the foreground until the block ends."""
    reason = obstacle()
    if reason is not None:
        raise RuntimeError(reason)
    folder.mkdir(mode=0o700)
    address, _, wanted = listen.rpartition(":")
    with contextlib.ExitStack() as stack:
        port = int(wanted) or stack.enter_context(kept_ports(1, address))[0]  # sshd does not choose one itself
        yield from _serve(folder, Ssh(folder, host, socket, port), address)


def _serve(folder: Path, ssh: Ssh, address: str) -> Iterator[Ssh]:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "host_key")], check=True)
    (folder / "config").write_text(
        f"""HostKey {folder}/host_key
AuthorizedKeysFile {folder}/keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin forced-commands-only
AllowUsers git
AcceptEnv GIT_PROTOCOL
PrintMotd no
"""
    )
    ssh.allow(())
    listener = (sys.executable, "-I", "-S", sshd_front.__file__, address, str(ssh.port), str(program()))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", START, "sh", str(folder), *listener],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "listening\n":
            raise RuntimeError(f"sshd did not start: {(folder / 'log').read_text()}")
        yield ssh
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # and the sessions that are open
        process.wait()
