"""The hook in every bare repository: ask the stand-in, and print what it says."""

import json
import os
import socket
import sys

SEEN = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")


def ask(address: str, question: dict[str, object]) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        with connection.makefile("rw") as stream:
            stream.write(json.dumps(question) + "\n")
            stream.flush()
            return dict(json.loads(stream.readline()))


def main(name: str, address: str) -> int:
    question: dict[str, object] = {
        "hook": name,
        "push": os.environ["STAND_IN_PUSH"],
        "updates": [line.split() for line in sys.stdin.read().splitlines()],
        "environment": {key: os.environ[key] for key in SEEN if key in os.environ},
    }
    verdict = ask(address, question)
    sys.stderr.write(str(verdict["message"]))
    return 0 if verdict["accepted"] else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
