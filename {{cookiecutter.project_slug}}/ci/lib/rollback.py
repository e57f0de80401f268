"""What ci/rollback does; ci/rollback --help says what that is for."""

from __future__ import annotations  # for the Python of a Mac

import getpass
import re
import time

import env_branch as env
from env_branch import BRANCH, CI, Answer, Tip, git, one_line, trailers_of


def rollback() -> Answer:
    """Read the branch, prepare and write; all of it again, where another push came first."""
    given = env.options("to=", "why=", "release")
    to, why = env.revision_option(given, "--to"), one_line(given.get("--why", "")) or "no reason given"
    target = ""
    if "--release" in given and len(given) > 1:
        raise Answer("failed:", "--release takes neither --to nor --why")
    for tip in env.attempts():
        if not tip.commit:
            raise Answer("failed:", f"there is no branch {BRANCH}: nothing was deployed yet")
        if "--release" in given:
            answer = take_hold_away(tip)
        else:
            # Decided once: where a deployment comes in between, you still get the one that you asked for.
            target = target or (env.named(tip, to) if to else previous(tip))
            answer = bring_back(tip, target, why)
        if answer:
            return answer
    raise AssertionError("attempts() ends with an answer of its own")


def previous(tip: Tip) -> str:
    """Return the newest commit of the branch with another revision than now.

    What lies between a rollback and the deployment that it restored was rolled back itself: it is skipped.
    """
    skip_to = ""
    for commit in env.commits(tip):
        revision = env.revision_of(commit)
        if skip_to in ("", revision):
            skip_to = revision if env.hold_of(commit) else ""
            if revision not in ("", tip.recorded):
                return commit
    raise Answer("failed:", f"nothing to roll back to: before {tip.recorded} nothing was deployed to {BRANCH}")


def bring_back(tip: Tip, target: str, why: str) -> Answer | None:
    """Write that deployment with a hold, and return the outcome; None where the branch did not take it."""
    revision = env.revision_of(target)
    if revision == tip.recorded and tip.hold:
        return Answer("already there", f"{BRANCH} is held at {revision}")
    if revision == tip.recorded:
        at = f"{BRANCH} is at {revision} already, by a deployment"
        return Answer("failed:", f"{at}: nothing was changed and nothing is held")
    who = CI["WHO"] or env.run_git("config", "user.name").stdout.strip() or getpass.getuser()
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    hold = "".join(
        '{}: "{}"\n'.format(name, re.sub(r'([\\"])', r"\\\1", one_line(value)))
        for name, value in (("who", who), ("why", why), ("since", since), ("bad", tip.recorded))
    )
    blob = git("hash-object", "-w", "--stdin", stdin=hold)
    tree = git("mktree", stdin=f"{without_hold(target)}100644 blob {blob}\thold.yaml\n")
    message = [env.title("Roll back to", revision, target), f"It was at {tip.recorded}. Why: {why}"]
    trailers = [*trailers_of(target, "Argocd-reference-commit-"), *trailers_of(target, "Deployed-by: ")]
    taken = env.push(tip, tree, message, trailers, opens=revision)
    held = f"{BRANCH} is back at {revision} (was {tip.recorded}) and held there. To release it: "
    return Answer("done", held + (CI["TO_RELEASE"] or "ci/rollback --release")) if taken else None


def take_hold_away(tip: Tip) -> Answer | None:
    """Write what is there without its hold, and return the outcome; None where the branch did not take it."""
    if not tip.hold:
        return Answer("already there", f"{BRANCH} is not held; it is at {tip.recorded}")
    tree = git("mktree", stdin=without_hold(tip.commit))
    if not env.push(tip, tree, [env.title("Release the hold on", tip.recorded, tip.commit)], trailers_of(tip.commit)):
        return None
    if not CI["CI_NAME"]:
        env.say("To deploy the head of main now, let your CI run for it again")
    return Answer("released", f"{BRANCH} takes deployments again; it is at {tip.recorded} until the next one")


def without_hold(commit: str) -> str:
    """Return what a commit of the branch holds else, a line each, as `git mktree` reads it."""
    return re.sub(r".*\thold\.yaml\n", "", git("ls-tree", commit) + "\n")


env.main(rollback)
