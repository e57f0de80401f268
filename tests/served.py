"""Run a command while a generated project's service runs: with the project's Python, in its folder.

In the command, {url} becomes the service's address. A project with a database gets an empty one for that time.
"""

import contextlib
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
sys.path[0:1] = [str(HERE / "service"), "tests"]

with contextlib.ExitStack() as stack:
    environment = {}
    if Path("tests/postgresql.py").exists():
        environment["DATABASE_URL"] = stack.enter_context(import_module("postgresql").new_database())
        (package,) = Path("src").iterdir()
        migrated = os.environ | environment | {"FLASK_APP": f"{package.name}.app"}
        subprocess.run([sys.executable, "-m", "flask", "db", "upgrade"], env=migrated, check=True)
    server = stack.enter_context(import_module("server").running(environment))
    command = [argument.replace("{url}", f"http://127.0.0.1:{server.port}") for argument in sys.argv[1:]]
    ended = subprocess.run(command, check=False)
    server.terminate()
    server.log()
sys.exit(ended.returncode)
