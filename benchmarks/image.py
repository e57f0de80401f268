"""The generated image beside DevStream's: what it adds to its base, what a change of the code moves, how it starts.

`uv run python -m benchmarks.image` needs Linux, PyPI, and Docker with buildx and a builder that exports OCI archives.
All are built on the same base, without cache, as on a fresh runner; they start in turns, so that a noisy machine is
noisy for each. What they add are their layers above the base, packed; a start is from `docker run` to the first answer.
"""

import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import uuid4

from cookiecutter.main import cookiecutter

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 7
PATIENCE = 60.0
MODULE = "hello_api"
EXPORT = ("--quiet", "--locked", "--no-dev", "--no-emit-project", "--no-hashes")
# The steps of DevStream's Dockerfile, in its order; only the base and the port's number are ours. What its pins leave
# open has moved on since: it does not start without the two that are added.
DEVSTREAM = """FROM {base}
WORKDIR /code
COPY ./requirements.txt /code/requirements.txt
RUN pip install --no-cache-dir --upgrade -r /code/requirements.txt
COPY ./wsgi.py /code/
COPY ./app /code/app
USER 1000
ENV PORT=8080
CMD ["sh", "-c", "exec gunicorn {options} --bind 0.0.0.0:$PORT wsgi:app"]
"""
OPTIONS = "--threads 3 --keep-alive 5 --worker-tmp-dir /dev/shm --access-logfile -"
ITS_APP = """from flask import Flask

app = Flask(__name__)


@app.route("/version")
def hello():
    return "Hello, World!"
"""
ITS_PINS = "Flask==2.2.0\ngunicorn==20.1.0\nWerkzeug<3\nsetuptools<81\n"


@dataclass
class Image:
    """An image under test, and what was measured."""

    name: str
    context: Path
    code: Path
    """The file that a change of the code changes."""
    tag: str = field(default_factory=lambda: f"benchmark-{uuid4().hex[:12]}")
    added: int = 0
    moved: int = 0
    starts: list[float] = field(default_factory=list)


def run(*command: str, cwd: Path | None = None) -> str:
    ended = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def contexts(folder: Path) -> tuple[str, list[Image]]:
    """Write what the images are built from; return the base and the images."""
    ours = Path(cookiecutter(str(ROOT), no_input=True, accept_hooks=False, output_dir=str(folder)))
    base = re.findall(r"^FROM (\S+)$", (ours / "Dockerfile").read_text(), re.MULTILINE)[-1]
    images = [Image("as generated", ours, ours / "src" / MODULE / "example.py")]
    locked = run(
        "uv",
        "export",
        "--quiet",
        "--python",
        sys.executable,
        "--locked",
        "--no-dev",
        "--no-emit-project",
        "--no-hashes",
        cwd=ours,
    )
    for name, pins in (("DevStream's, with its own service", ITS_PINS), ("DevStream's, with ours", locked)):
        context = folder / re.sub(r"\W+", "-", name)
        (context / "app").mkdir(parents=True)
        (context / "Dockerfile").write_text(DEVSTREAM.format(base=base, options=OPTIONS))
        wsgi = "from app.hello import app\n"
        if pins is locked:
            pins = locked + "gunicorn==27.0.1\n"  # 20.1.0, its pin, wants packages that are gone
            shutil.copytree(ours / "src" / MODULE, context / "app" / MODULE)
            wsgi = f"import sys\nsys.path.insert(0, 'app')\nfrom {MODULE}.app import create_app\napp = create_app()\n"
        code = context / "app" / (f"{MODULE}/example.py" if MODULE in wsgi else "hello.py")
        if not code.exists():
            code.write_text(ITS_APP)
        (context / "requirements.txt").write_text(pins)
        (context / "wsgi.py").write_text(wsgi)
        images.append(Image(name, context, code))
    return base, images


def build(context: Path, archive: Path) -> dict[str, int]:
    """Build without cache; return the layers with what they weigh, packed."""
    output = f"--output=type=oci,dest={archive}"
    epoch = f"--build-arg=SOURCE_DATE_EPOCH={int(time.time())}"
    run("docker", "buildx", "build", "--no-cache", "--provenance=false", epoch, output, ".", cwd=context)
    with tarfile.open(archive) as oci:

        def blob(name: str) -> dict[str, list[dict[str, object]]]:
            file = oci.extractfile(name)
            assert file
            return dict(json.loads(file.read()))

        manifest = blob("index.json")["manifests"][0]["digest"]
        layers = blob("blobs/" + str(manifest).replace(":", "/"))["layers"]
        return {str(layer["digest"]): int(str(layer["size"])) for layer in layers}


def weigh(image: Image, base: set[str], folder: Path) -> None:
    """Build it twice, with a change of the code between."""
    before = build(image.context, folder / "before.tar")
    archive = folder / "image.tar"
    output = f"--output=type=docker,dest={archive}"
    run("docker", "buildx", "build", "--provenance=false", output, "--tag", image.tag, ".", cwd=image.context)
    run("docker", "load", "--input", str(archive))
    image.added = sum(size for layer, size in before.items() if layer not in base)
    image.code.write_text(image.code.read_text() + "\n# changed\n")
    after = build(image.context, folder / "after.tar")
    image.moved = sum(size for layer, size in after.items() if layer not in before)


def start(image: Image) -> float:
    """Start it with a read-only file system, and return the seconds until it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ("--detach", "--network=host", "--read-only", "--tmpfs=/tmp", f"--env=PORT={port}")
    began = time.perf_counter()
    container = run("docker", "run", *options, image.tag).strip()
    try:
        while time.perf_counter() - began < PATIENCE:
            with suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/version", timeout=5).close()
                return time.perf_counter() - began
            time.sleep(0.01)
        raise SystemExit(f"{image.name} does not start:\n{run('docker', 'logs', container)}")
    finally:
        run("docker", "rm", "--force", container)


def report(images: list[Image]) -> None:
    """Print what was measured; starts as the median of their rounds."""
    processor = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {processor[1] if processor else platform.machine()}", end=" · ")
    print(f"{os.cpu_count()} cores · load {os.getloadavg()[0]:.1f}\n")
    print("| image | adds to its base, MB | a change of the code moves, kB | starts in, s | to ours |")
    print("| --- | --- | --- | --- | --- |")
    first = images[0]
    for image in images:
        figures = f"{image.added / 1e6:.1f} | {image.moved / 1e3:.0f} | {median(image.starts):.2f}"
        ratios = (image.added / first.added, image.moved / first.moved, median(image.starts) / median(first.starts))
        print(f"| {image.name} | {figures} | {' · '.join(f'{ratio:.1f}×' for ratio in ratios)} |")


def main() -> None:
    """Bake, build, start in turns, report."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        base, images = contexts(folder)
        bare = folder / "bare"
        bare.mkdir()
        (bare / "Dockerfile").write_text(f"FROM {base}\n")
        layers = set(build(bare, folder / "base.tar"))
        try:
            for image in images:
                weigh(image, layers, folder)
            for _ in range(ROUNDS):
                for image in images:
                    image.starts.append(start(image))
        finally:
            subprocess.run(["docker", "image", "rm", "--force", *(i.tag for i in images)], capture_output=True)
        report(images)


if __name__ == "__main__":
    main()
