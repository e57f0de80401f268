"""What runs outside the stand-in's process: the hooks of its repositories, and the command behind a deploy key."""

import json
import os
import shlex
import socket
import sys

SEEN = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
SERVICES = ("git-upload-pack", "git-receive-pack")


def ask(address: str, question: dict[str, object]) -> dict[str, object]:
    """Ask the stand-in, on its socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        with connection.makefile("rw") as stream:
            stream.write(json.dumps(question) + "\n")
            stream.flush()
            return dict(json.loads(stream.readline()))


def hook(name: str, address: str) -> int:
    """Answer git for `pre-receive` and `post-receive`."""
    question: dict[str, object] = {
        "hook": name,
        "push": os.environ["STAND_IN_PUSH"],
        "updates": [line.split() for line in sys.stdin.read().splitlines()],
        "environment": {key: os.environ[key] for key in SEEN if key in os.environ},
    }
    verdict = ask(address, question)
    sys.stderr.write(str(verdict["message"]))
    return 0 if verdict["accepted"] else 1


def over_ssh(address: str, key: str) -> int:
    """Run the git command that was asked for, if this key opens that repository."""
    service, *path = shlex.split(os.environ.get("SSH_ORIGINAL_COMMAND", "")) or [""]
    if service not in SERVICES or len(path) != 1:
        sys.stderr.write("You've successfully authenticated, but GitHub does not provide shell access.\n")
        return 1
    opened = ask(address, {"ssh": int(key), "service": service, "path": path[0]})
    if opened["folder"] is None:
        sys.stderr.write(f"{opened['message']}\n")
        return 1
    environment = {**os.environ, "STAND_IN_PUSH": str(opened["push"])}
    return os.spawnvpe(os.P_WAIT, "git", ["git", service.removeprefix("git-"), str(opened["folder"])], environment)


if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    sys.exit(over_ssh(*rest) if name == "ssh" else hook(name, *rest))
