"""The branch env/<environment>, which says what runs there: what ci/deploy, ci/promote and ci/rollback share.

Argo CD follows it, and people do not edit it. Each commit is a whole snapshot, so that all of it moves together:

    chart/  deploy/<environment>.yaml    as they were in the source commit
    image.yaml                           the image, by digest, and the source commit ("revision")
    hold.yaml                            only while the environment is held: who, why, since, and the bad revision

A push without force is the lock: git takes it only if the branch is still where we read it.
"""

import getopt
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

CI = os.environ  # as ci.sh completed it
PROGRAM, BRANCH, REVISION = Path(sys.argv[0]).stem, f"env/{CI['ENVIRONMENT']}", CI["REVISION"]
SERVER, REPOSITORY, TOKEN = CI["SERVER"], CI["REPOSITORY"], CI["DEPLOY_TOKEN"]
PAGE = f"{SERVER}/{REPOSITORY}" if SERVER else ""
FETCH = ("fetch", "--quiet", "--no-tags")
GITHUB: Any = import_module("github") if Path(__file__).with_name("github.py").exists() else None
DEPLOYMENT = GITHUB.Deployment() if GITHUB and CI["CI_NAME"] and TOKEN else None
WITH_KEY = GITHUB and GITHUB.KEY
# Git gets the token from a helper that reads the environment: so it is in no command line, URL or file, and goes to
# this code host alone. It is for https: so git speaks that, however the remote's address is written or rewritten.
HELPER = '!f() { test "$1" != get || printf "username=%s\\npassword=%s\\n" "$DEPLOY_USERNAME" "$DEPLOY_TOKEN"; }; f'
SAFE = r"https://|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/|\Z)"
LOGIN = []
if TOKEN and SERVER:
    host = SERVER.partition("://")[2]
    LOGIN = ["-c", f"credential.{SERVER}.helper=", "-c", f"credential.{SERVER}.helper={HELPER}"]
    for address in (PAGE, f"git@{host}:{REPOSITORY}", f"ssh://git@{host}/{REPOSITORY}"):
        LOGIN += ["-c", f"url.{PAGE}.insteadOf={address}"]


class Answer(Exception):
    """The outcome: a word, a sentence, and more for the page of the run. `failed:` is exit code 1."""


class Tip(NamedTuple):
    """Where the branch is: its commit (none: no branch), the revision that it records, and what holds it."""

    commit: str = ""
    recorded: str = ""
    hold: str = ""


def one_line(text: str) -> str:
    """Return a text without line breaks and other control characters."""
    return re.sub(r"[\x00-\x1f\x7f]", " ", text)


def say(text: str, mark: str = "") -> None:
    """Print a line in the log, or with a mark where the CI shows such lines elsewhere, too."""
    print(mark + one_line(text).replace("%", "%25") if mark else one_line(text), file=None if mark else sys.stderr)


def run_git(*arguments: str, stdin: str = "", quiet: bool = False) -> subprocess.CompletedProcess[str]:
    """Run git, whatever its exit code."""
    pipe, errors = subprocess.PIPE, subprocess.DEVNULL if quiet else None
    command = ["git", *LOGIN, *arguments]
    return subprocess.run(command, input=stdin, stdout=pipe, stderr=errors, text=True, errors="surrogateescape")


def git(*arguments: str, stdin: str = "", problem: str = "stopped by the error above") -> str:
    """Return what git prints; where it fails, that is the end."""
    done = run_git(*arguments, stdin=stdin)
    if done.returncode:
        raise Answer("failed:", problem)
    return done.stdout.rstrip("\n")


def attempts() -> Iterator[Tip]:
    """Read where the branch is, and again after each push that it did not take."""
    seen = set()
    for attempt in range(1, 6):
        seen.add(tip := read_branch())
        yield tip
        say(f"{BRANCH} did not take the push (attempt {attempt} of 5)")
        time.sleep(os.urandom(1)[0] / 256 if attempt < 5 else 0)  # so that two do not meet again
    if len(seen) > 1:
        raise Answer("failed:", f"{BRANCH} did not take the push 5 times: other pushes came first. Run this again")
    may = f"May this {'deploy key' if WITH_KEY else 'token'} write to it?"
    raise Answer("failed:", f"{BRANCH} did not take the push 5 times; git's answers are above. {may}")


def read_branch(branch: str = BRANCH) -> Tip:
    """Return where a branch is now."""
    fetch = (*FETCH, "--no-filter", "--refmap=", "origin", f"refs/heads/{branch}")
    if run_git(*fetch, quiet=True).returncode:
        names = (f"refs/heads/{branch}", "refs/heads/env")
        problem = "cannot read the branches of 'origin' (git's answer is above)"
        refs = git("ls-remote", "origin", *names, problem=problem)
        if not refs:
            return Tip()
        if not refs.endswith(names[0]):
            way = "git cannot have both. Rename it, or delete it: git push origin --delete env"
            raise Answer("failed:", f"a branch 'env' stands in the way of '{branch}': {way}")
        git(*fetch, problem=f"cannot fetch {branch} (git's answer is above)")  # it came in between
    commit = git("rev-parse", "--verify", "FETCH_HEAD")
    return Tip(commit, revision_of(commit), hold_of(commit))


def revision_of(commit: str) -> str:
    """Return the source commit that a commit of the branch records; nothing where it records none."""
    found = re.search(r'^revision: "([0-9a-f]{40})"$', run_git("show", f"{commit}:image.yaml", quiet=True).stdout, re.M)
    return found[1] if found else ""


def hold_of(commit: str) -> str:
    """Return what holds the environment at a commit of the branch, in words; nothing where nothing does."""
    if not git("ls-tree", "--name-only", commit, "hold.yaml", problem=f"cannot read commit {commit} of env/…"):
        return ""
    said = re.findall(r'^(who|why|since|bad): "(.*)"$', git("show", f"{commit}:hold.yaml"), re.M)
    return " ".join(f"{name}: {value};" for name, value in said) or "hold.yaml says nothing"


def trailers_of(commit: str, name: str = "") -> list[str]:
    """Return the trailers of a commit whose names begin so, each as its line."""
    lines = git("log", "-1", "--format=%(trailers:only,unfold)", commit).split("\n") if commit else []
    return [line for line in lines if line.startswith(name)]


def parents(commit: str) -> list[str]:
    """Return the parents of a commit; `git log` hides them in a shallow clone."""
    return re.findall("^parent (.*)$", git("cat-file", "commit", commit).partition("\n\n")[0], re.M)


def fetch_files(commit: str) -> bool:
    """Fetch a commit with its files, where they are not here; return whether it is here now."""
    if run_git("cat-file", "-e", f"{commit}^{{tree}}", quiet=True).returncode == 0:
        return True
    shallow = ["--depth=1"] if git("rev-parse", "--is-shallow-repository") == "true" else []
    return run_git(*FETCH, *shallow, "origin", commit).returncode == 0


def compare(recorded: str, revision: str) -> str:
    """Return what a commit is to the history of another one, which is here: older, newer, diverged, or unknown."""
    if recorded in parents(revision):  # as merge follows merge
        return "older"
    if git("rev-parse", "--is-shallow-repository") == "false":
        if run_git("cat-file", "-e", recorded, quiet=True).returncode:  # else it is here already
            run_git(*FETCH, "origin", recorded)
    # A shallow clone answers wrongly; commits without their trees are quick to get.
    elif run_git(*FETCH, "--unshallow", "--filter=tree:0", "origin", recorded, revision).returncode:
        return "unknown"
    common = run_git("merge-base", recorded, revision)
    known = {recorded: "older", revision: "newer"}.get(common.stdout.strip(), "diverged")
    return known if common.returncode < 2 else "unknown"


def commits(tip: Tip) -> list[str]:
    """Return the commits of a branch, the newest first."""
    return git("rev-list", "--first-parent", tip.commit).split("\n")


def named(tip: Tip, beginning: str, branch: str = BRANCH) -> str:
    """Return the newest commit of a branch with the one revision that begins so."""
    newest = {revision_of(commit): commit for commit in reversed(commits(tip))}
    found = [revision for revision in newest if revision.startswith(beginning)]
    if not found:
        lists = f"git fetch origin {branch} && git log FETCH_HEAD lists them"
        raise Answer("failed:", f"no revision {beginning} was ever deployed to {branch}: {lists}")
    if len(found) > 1:
        raise Answer("failed:", f"{beginning} is ambiguous: {' and '.join(found)} were deployed")
    return newest[found[0]]


def title(what: str, revision: str, commit: str) -> str:
    """Return a message's first line; a commit that was written manually may lack a part of it."""
    subject = "".join(trailers_of(commit, "Argocd-reference-commit-subject: ")[:1]).partition(":")[2]
    return f"{what} {revision[:7] or BRANCH}{subject and ':'}{subject}"


def push(tip: Tip, tree: str, message: list[str], trailers: list[str], opens: str = "") -> str:
    """Write a commit on the tip, without index or checkout; return it, or nothing where the branch did not take it."""
    if DEPLOYMENT and opens:
        trailers = trailers + DEPLOYMENT.open(opens, message[0].partition(":")[0])
    text = "\n\n".join(part for part in (message[0], CI["SKIP"], *message[1:], "\n".join(trailers)) if part)
    problem = "git could not write the commit (its answer is above); does it know you? git config user.name, user.email"
    on_top = ["-p", tip.commit] if tip.commit else []
    commit = git("commit-tree", tree, *on_top, stdin=f"{text}\n", problem=problem)
    by_token = ("push", "--quiet", "origin", f"{commit}:refs/heads/{BRANCH}")
    taken = GITHUB.push_with_key(commit, BRANCH) if WITH_KEY else run_git(*by_token).returncode == 0
    if taken and DEPLOYMENT:
        DEPLOYMENT.taken(commit, trailers_of(tip.commit, "GitHub-deployment: "))
    return commit if taken else ""


def options(*known: str) -> dict[str, str]:
    """Return the options of the command line; `to=` is one with a value."""
    try:
        given, others = getopt.getopt(sys.argv[1:], "", known)
        problem = f"unknown option '{others[0]}'" if others else ""
    except getopt.GetoptError as error:
        problem = f"--{error.opt} needs a value" if f"{error.opt}=" in known else f"unknown option '--{error.opt}'"
    if problem:
        raise Answer("failed:", f"{problem}; see ci/{PROGRAM} --help")
    return dict(given)


def revision_option(given: dict[str, str], name: str) -> str:
    """Return a commit that an option names by its beginning; empty where it was not given."""
    if not re.fullmatch("([0-9a-f]{4,40})?", value := given.get(name, "")):
        raise Answer("failed:", f"{name} '{value}' is not a commit: 4 to 40 characters of its hexadecimal name")
    return value


def main(work: Callable[[], Answer]) -> None:
    """Do the work, and print the outcome as the last line."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    end = Answer("failed:", "stopped by the error above")
    try:
        if LOGIN and not re.match(SAFE, SERVER):
            why = "without https, whoever is on the way could read it"
            raise Answer("failed:", f"the token is not sent to {SERVER}: {why}")
        end = work()
    except Answer as answer:
        end = answer
    finally:
        if DEPLOYMENT:
            DEPLOYMENT.close(BRANCH)
        word, text, *more = end.args
        if CI["SUMMARY_FILE"]:
            with Path(CI["SUMMARY_FILE"]).open("a") as page:
                page.write("\n".join([*more, "", f"**{PROGRAM}: {word}** {one_line(text)}", ""]))
        if word == "failed:" and CI["ERROR_MARK"]:
            say(text, CI["ERROR_MARK"])
        print(f"{PROGRAM}: {word} {one_line(text)}")
    sys.exit(word == "failed:")
