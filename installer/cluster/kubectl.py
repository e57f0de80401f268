"""Reads from the cluster, through kubectl: nothing here can change it. What is out of reach for a moment is retried."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import urlsplit

from ..support import proxies
from ..support.errors import CommandFailed, DeadlinePassed, InstallerError, reading
from ..support.errors import Object as Object
from ..support.errors import Objects as Objects
from ..support.http_client import Client, UnixSocket
from ..support.process import Result, attempt, close, end, start
from ..support.secret import inherited, redact
from ..support.wait import SLICE, pause, until
from .workloads import address_of

# --- a kubeconfig that is lent for one command: its user's rights, in a file that nobody else reads

_PREFIX = "gitops-flask-"
_STALE = 3600.0  # seconds; no command takes that long


def no_kubeconfig() -> InstallerError | None:
    """Return what to report where there is no kubeconfig: kubectl then asks localhost:8080, and says no more."""
    given = [each for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    files = [Path(each) for each in given] or [Path(inherited().get("HOME", "")) / ".kube" / "config"]
    if any(path.exists() and not path.is_dir() for path in files):
        return None
    if not given:
        fix = "Create one with your cluster's tool (such as `kind create cluster`), or set KUBECONFIG to yours."
        return InstallerError(f"No cluster is known: there is no {files[0]}, and KUBECONFIG is not set.", fix)
    names = " and ".join(map(str, files))
    one, several = ("is a folder", "are folders") if all(map(Path.is_dir, files)) else ("is not there", "are not there")
    what = f"KUBECONFIG names {names}, which {one if len(files) == 1 else several}."
    return InstallerError(what, "Set it to your kubeconfig, or unset it: then ~/.kube/config is taken.")


@contextmanager
def lent(tree: dict[str, Any]) -> Iterator[Path]:
    """Write a kubeconfig, mode 0600, for as long as the block lasts; drop those that killed runs left behind."""
    _sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        path = Path(folder) / "kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(tree), encoding="utf-8")
        yield path


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{_PREFIX}*/kubeconfig"):
        try:
            stale = time.time() - left.stat().st_mtime > _STALE
        except OSError:  # it went just now, or is another user's
            continue
        if stale:
            shutil.rmtree(left.parent, ignore_errors=True)


# --- a kubectl that listens while it runs ---------------------------------------------------------

_LINGER = 2.0
"""Seconds for its last lines."""


class Listening:
    """It prints one line once it listens; a port-forward prints one for each connection from then on.

    All that it prints is read, or it would stop once the pipe is full.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self._first = ""
        self._known = threading.Event()
        self._errors: deque[str] = deque(maxlen=5)
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = start("kubectl", arguments, **quiet)
        self._readers = [
            threading.Thread(target=read, args=(pipe,), daemon=True)
            for read, pipe in ((self._read, self.process.stdout), (self._read_errors, self.process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def first(self, seconds: float) -> str:
        """Return the first line that it prints; nothing where it ends, or prints none within this time."""
        until(lambda: self._known.wait(SLICE), seconds, every=0)
        return self._first

    def said(self) -> str:
        """Return the last lines that it printed as errors; all of them once it has ended."""
        if self.process.poll() is not None:
            self._readers[1].join(_LINGER)
        return redact("".join(self._errors)).strip()

    def end(self) -> None:
        """End it, with what its kubeconfig may have started; again, it changes nothing."""
        if self.process.stdout.closed:
            return
        end(self.process)
        for reader in self._readers:
            reader.join(_LINGER)
        close(self.process)

    def _read(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self._first = self._first or line.decode(errors="replace")
            self._known.set()
        self._known.set()

    def _read_errors(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self._errors.append(line.decode(errors="replace"))


# --- the cluster, to be read: nothing here can change it ------------------------------------------

Words = list[str]
Rows = list[tuple[str, ...]]

_ABSENT = re.compile(r"\(NotFound\)|doesn't have a resource type|could not find the requested resource")
_ANSWER = "kubectl's answer"
_NO_CLUSTER = re.compile(
    "localhost:8080|no configuration has been provided|error loading config file"
    "|current-context|context .* does not exist|cannot locate context"
)
_NO_CONTEXT = re.compile("context .* does not exist|cannot locate context")
_REQUEST = re.compile(r'\b[A-Z][a-z]+ "https?://[^"]*[?&]command=[^"]*": ')
"""The request of a `kubectl exec`, which has its whole command in the address."""
LENT = 60.0
"""Seconds after which a way into the cluster ends that is lent for a few requests: a pod may answer for ever."""
_LISTENS_WITHIN = 30.0
"""Seconds that kubectl has until it listens."""
_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


class Cluster:
    """One Kubernetes cluster, as a context of the user's kubeconfig names it (None: the current one)."""

    def __init__(self, context: str | None = None) -> None:
        self.context = context
        self.answered = False

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return one object, or None where it, or its kind, does not exist."""
        answer = self._attempt("get", kind, name, *_in(namespace), "--output=json")
        return self._object(answer, "get", kind, name)

    def get_many(self, references: Sequence[str], namespace: str = "") -> dict[str, Object]:
        """Return those of the objects named `kind/name` that exist, by their kind as it is spelt in manifests."""
        answer = self._attempt("get", *references, *_in(namespace), "--ignore-not-found", "--output=json")
        with reading(_ANSWER):
            tree = self._object(answer, "get", *references) or {}
            return {found["kind"]: found for found in tree.get("items", [tree] if tree else [])}

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> Objects:
        """Return the objects of a kind, or of several joined by commas; `namespace` None means all namespaces."""
        where = ["--all-namespaces"] if namespace is None else _in(namespace)
        answer = self._attempt("get", kind, *where, *([f"--selector={selector}"] if selector else []), "--output=json")
        with reading(_ANSWER):
            items: list[Object] = (self._object(answer, "get", kind) or {}).get("items", [])
            return [item for item in items if item["metadata"]["name"]]

    def labelled(self, kind: str, selector: str, labels: Sequence[str], namespace: str | None = None) -> Rows | None:
        """Return the namespace and these labels of each object, and nothing else of it is even sent.

        `namespace` None means all of them; None is returned where we may not look into all.
        """
        where = ["--all-namespaces"] if namespace is None else _in(namespace)
        flags = (f"--selector={selector}", f"--label-columns={','.join(labels)}")
        answer = self._attempt("get", kind, *where, *flags)
        if answer.status and namespace is None and "(Forbidden)" in answer.err:
            return None
        if answer.status and not _ABSENT.search(answer.err):
            raise self.failure(answer, self._shown("get", kind))
        rows = [cells for cells in _columns(answer.out) if len(cells) > len(labels)]
        return [(namespace or cells[0], *cells[-len(labels) :]) for cells in rows]

    def allowed(self, verb: str, resource: str, namespace: str = "") -> bool:
        """Return whether the cluster would let us do this; an empty namespace asks for the whole cluster."""
        where = _in(namespace) or ["--all-namespaces"]
        answer = self._attempt("auth", "can-i", verb, resource, *where)
        word = answer.out.partition(" ")[0].strip()  # `no - REASON` where an authorizer gives one
        if word not in ("yes", "no"):
            raise self.failure(answer, self._shown("auth", "can-i", verb, resource))
        return word == "yes"

    def logs(self, pod: str, namespace: str, container: str, *, previous: bool = False) -> str:
        """Return the end of the log of a pod's container; empty where there is none."""
        flags = ["--tail=5", *(["--previous"] if previous else [])]
        return redact(self._attempt("logs", pod, f"--container={container}", *_in(namespace), *flags).out.strip())

    def everything_in(self, namespace: str) -> Words:
        """Name every object in a namespace as `kind/name`; raise where a kind cannot be read."""
        kinds = self._run("api-resources", "--verbs=list", "--namespaced", "--output=name").split()
        answer = self._run("get", ",".join(kinds), *_in(namespace), "--ignore-not-found", "--output=name")
        return answer.split()

    def kinds(self) -> set[str]:
        """Name every kind that is in namespaces, as `group/Kind`, or `Kind` of the core."""
        table = self._run("api-resources", "--namespaced", "--no-headers").splitlines()
        with reading(_ANSWER):
            found = [(version, kind) for *_, version, _, kind in map(str.split, table)]
        return {f"{version.split('/')[0]}/{kind}" if "/" in version else kind for version, kind in found}

    def version(self) -> str:
        """Return the server's version, like v1.34.4; raise an error with its fix where it does not answer."""
        return self.versions()[1]

    def versions(self) -> tuple[str, str]:
        """Return kubectl's own version and the server's."""
        answer = self._attempt("version", "--output=json")
        if answer.status:
            raise self.failure(answer, self._shown("version"))
        with reading(_ANSWER):
            tree = json.loads(answer.out or "{}")
            server = tree.get("serverVersion", {}).get("gitVersion")
            client = str(tree.get("clientVersion", {}).get("gitVersion", ""))
        if not server:
            raise self.failure(answer, self._shown("version"))
        return client, str(server)

    @cached_property
    def _view(self) -> Object:
        said = self._run("config", "view", "--minify", "--output=json")
        with reading(_ANSWER):
            view: Object = json.loads(said)
            return view

    @reading(_ANSWER)
    def describe(self) -> str:
        """Return what a person needs to recognise the cluster: context and server."""
        return f"{self._view['current-context']} ({self.server})"

    @property
    @reading(_ANSWER)
    def server(self) -> str:
        """Return the API server's address, which is the same whatever a context is called."""
        return str(self._view["clusters"][0]["cluster"]["server"])

    @contextmanager
    def private_kubeconfig(self, namespace: str) -> Iterator[Path]:
        """Lend a 0600 kubeconfig with this context only and its namespace set: `argocd --core` needs it."""
        said = self._run("config", "view", "--minify", "--flatten", "--output=json")
        with reading(_ANSWER):
            tree = json.loads(said)
            tree["contexts"][0]["context"]["namespace"] = namespace
        with lent(tree) as path:
            yield path

    def address(self, service: str, namespace: str) -> str:
        """Return the address of the ingress, or load balancer, of a service's name; empty where there is none."""
        found = self.get_many([f"ingresses.networking.k8s.io/{service}", f"services/{service}"], namespace)
        return address_of(found.get("Ingress"), found.get("Service"))

    def forward(self, target: str, namespace: str, local_port: int, port: int, ready: Callable[[], None]) -> None:
        """Let a local port lead to `pod/x` or `service/x` until Ctrl-C; call `ready` once it does, raise if it ends."""
        with self._forwarding(target, namespace, local_port, port) as (_, kubectl):
            ready()
            kubectl.process.wait()
            reported = f"The port-forward to {target} ended: {kubectl.said() or 'kubectl says nothing'}"
            raise InstallerError(reported, "Its pod may be gone: run this again.")

    @contextmanager
    def forwarded(self, target: str, namespace: str, port: int) -> Iterator[str]:
        """Lend a local address that leads to `pod/x` or `service/x` as long as the block lasts, a minute at most."""
        with self._forwarding(target, namespace, 0, port) as (address, kubectl), _ended_after(kubectl, LENT):
            yield address

    @contextmanager
    def _forwarding(self, target: str, namespace: str, local_port: int, port: int) -> Iterator[tuple[str, Listening]]:
        """Lend an address that leads to `pod/x` or `svc/x` as long as the block lasts."""
        with self._listening("port-forward", target, f"{local_port or ''}:{port}", *_in(namespace)) as (line, kubectl):
            match = _FORWARDING.search(line)
            if not match:
                kubectl.end()
                reason = (line + kubectl.said()).strip()
                if "address already in use" in reason:
                    raise InstallerError(f"Port {local_port} of this machine is in use.", "Choose another with --port.")
                if not reason:
                    raise DeadlinePassed(f"`kubectl port-forward {target}`", _LISTENS_WITHIN, "no output")
                if UNREACHABLE.search(reason):
                    raise self.failure(Result(1, "", reason), self._shown("port-forward", target))
                raise InstallerError(f"{target} cannot be reached by a port-forward: {reason}")
            yield f"http://127.0.0.1:{match[1]}", kubectl

    @contextmanager
    def proxied(self, paths: Sequence[str]) -> Iterator[Client]:
        """Lend a client for GET requests of these paths of the API server, and of no other, a minute at most.

        They are answered with our rights, but the client holds no credential: `kubectl proxy` adds it, and sends it to
        the API server alone. `kubectl get --raw` would carry it along wherever a pod's answer redirects to.
        """
        if not hasattr(socket, "AF_UNIX"):  # Python on Windows
            raise InstallerError("There are no sockets here that only you can open.")
        with tempfile.TemporaryDirectory(prefix="gitops-flask-") as folder:  # mode 0700
            place = Path(folder) / "proxy"
            exactly = ",".join(f"^{re.escape(path)}$" for path in paths)
            limits = [f"--accept-paths={exactly}", "--reject-paths=^$", "--reject-methods=^(POST|PUT|PATCH|DELETE)$"]
            with self._listening("proxy", f"--unix-socket={place}", *limits, *self._below()) as (line, kubectl):
                if not place.is_socket():
                    kubectl.end()
                    said = (line + kubectl.said()).strip()
                    raise InstallerError(f"kubectl proxy did not start: {said.splitlines()[-1] if said else 'no word'}")
                with _ended_after(kubectl, LENT):
                    yield Client(UnixSocket(place), direct=True)

    def _below(self) -> Words:
        """Return what makes kubectl's proxy mind an API server that is not at the root of its address, as Rancher's."""
        return ["--append-server-path"] if urlsplit(self.server).path.strip("/") else []

    @contextmanager
    def _listening(self, *arguments: str) -> Iterator[tuple[str, Listening]]:
        """Start a kubectl that listens as long as the block lasts; yield the line it says then, or when it ends."""
        kubectl = Listening([*arguments, *self._context()])
        try:
            yield kubectl.first(_LISTENS_WITHIN), kubectl
        finally:
            kubectl.end()

    def failure(self, answer: Result, shown: str) -> InstallerError:
        """Turn kubectl's refusal into an error, with the fix where the cluster is out of reach."""
        said = redact(answer.err or answer.out).strip()
        if _NO_CLUSTER.search(said) and (lacks := no_kubeconfig()):
            return lacks
        if self.context and _NO_CONTEXT.search(said):
            known = attempt("kubectl", "config", "get-contexts", "--output=name").out.split()
            fix = f"It has {', '.join(known)}: choose one with --context." if known else "It has none at all."
            return InstallerError(f"The kubeconfig has no context {self.context}.", fix)
        address, said = _address_in(said), _REQUEST.sub("", said)
        if not UNREACHABLE.search(said):
            return CommandFailed(shown, answer.status, said, "Fix what it names, then run this again.")
        context = f"context {self.context}" if self.context else "the current context"
        if "Please enter Username" in answer.out:  # nobody is there to ask
            fix = "Log in with your cluster's own tool, which writes the kubeconfig; or choose another with --context."
            return InstallerError(f"The kubeconfig has no login for the cluster of {context}.", fix)
        why = f"cannot be reached: {said.splitlines()[-1]}"
        if by_proxy := proxies.blamed(said, address):
            return InstallerError(f"The cluster {why}", by_proxy)
        fix = "Start it, or choose another: `kubectl config get-contexts`, `kubectl config use-context NAME`; "
        fix += "try with `kubectl version`, then run this again."
        return InstallerError(f"The cluster of {context} {why}", fix)

    def _context(self) -> Words:
        return [f"--context={self.context}"] if self.context else []

    def _shown(self, *arguments: str) -> str:
        return " ".join(["kubectl", *arguments, *self._context()])

    def _attempt(self, *arguments: str) -> Result:
        command = ("kubectl", *arguments, *self._context(), "--request-timeout=20s")
        if self.answered:
            return with_retries(lambda: attempt(*command, timeout=40), refusal)
        answer = attempt(*command, timeout=40)
        self.answered = not answer.status and arguments[0] != "config"
        return answer

    def _run(self, *arguments: str) -> str:
        answer = self._attempt(*arguments)
        if answer.status:
            raise self.failure(answer, self._shown(*arguments[:2]))
        return answer.out

    def _object(self, answer: Result, *arguments: str) -> Object | None:
        if answer.status and _ABSENT.search(answer.err):
            return None
        if answer.status:
            raise self.failure(answer, self._shown(*arguments))
        with reading(_ANSWER):
            tree: Object | None = json.loads(answer.out) if answer.out.strip() else None
            if not isinstance(tree, dict | None):
                raise TypeError(f"it is a {type(tree).__name__}, no object")
            return tree


def _columns(table: str) -> list[Words]:
    """Return the cells of each row under a heading: kubectl leaves the cell of a label that an object lacks blank."""
    heading, *rows = table.splitlines() or [""]
    starts = [word.start() for word in re.finditer(r"\S+", heading)]
    return [[row[start:end].strip() for start, end in pairwise([*starts, None])] for row in rows]


def _address_in(said: str) -> str:
    """Return the API server's address, as kubectl has it; which proxy is taken depends on it."""
    found = re.search(r"https://[^\s\"/]+", said)
    return found[0] if found else "https://kubernetes"


@contextmanager
def _ended_after(kubectl: Listening, seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, kubectl.process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _in(namespace: str) -> Words:
    return [f"--namespace={namespace}"] if namespace else []


# --- a cluster that is out of reach; one that is restarted is given time to come back -------------

Answer = TypeVar("Answer")
_AWAY = (
    r"was refused|connection refused|\bEOF\b|connection reset|connection lost|TLS handshake timeout|"
    r"currently unable|http2: server sent GOAWAY"
)
AWAY = re.compile(_AWAY)
UNREACHABLE = re.compile(
    r"Unable to connect to the server|connection to the server .* was refused|dial tcp|i/o timeout|"
    r"Client\.Timeout|request canceled|no such host|no configuration has been provided|current-context|"
    r"context .* does not exist|invalid configuration|TLS handshake|x509|must be logged in|Unauthorized|"
    rf"getting credentials|Kubernetes cluster unreachable|{_AWAY}"
)
PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds between two attempts to read from an API server that has answered before."""


def with_retries(read: Callable[[], Answer], refusal: Callable[[Answer], str]) -> Answer:
    """Read again as long as the server is away, 15 seconds at most; `refusal` is what was said instead of an answer."""
    for wait in PAUSES:
        answer = read()
        if not AWAY.search(refusal(answer)):
            return answer
        pause(wait)
    return read()


def refusal(answer: Result) -> str:
    """Return what a program said where it failed."""
    return answer.err if answer.status else ""
