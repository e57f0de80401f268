"""Run a command while a generated project's service runs: with the project's Python, in its folder.

In the command, {url} becomes the service's address. A project with a database gets a PostgreSQL for that time.
"""

import contextlib
import subprocess
import sys
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))
sys.path.remove(str(Path(__file__).parent))

with contextlib.ExitStack() as stack:
    environment = {}
    if Path("tests/postgresql.py").exists():
        postgresql = stack.enter_context(import_module("tests.postgresql").PostgreSQL.started())
        environment["DATABASE_URL"] = postgresql.migrated("served")
    server = stack.enter_context(import_module("tests.server").running(environment))
    command = [argument.replace("{url}", f"http://127.0.0.1:{server.port}") for argument in sys.argv[1:]]
    ended = subprocess.run(command, check=False)
    server.terminate()
    server.log()
sys.exit(ended.returncode)
