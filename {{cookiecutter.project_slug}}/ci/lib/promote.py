"""What ci/promote does; ci/promote --help says what that is for."""

from __future__ import annotations  # for the Python of a Mac

import re

import env_branch as env
from env_branch import BRANCH, CI, DEPLOYMENT, Answer, Tip, git, run_git, trailers_of

NAME = CI["ENVIRONMENT"]
VALUES = f"deploy/{NAME}.yaml"
ANOTHER = f"Merge something, and promote that; or name an earlier deployment: ci/promote {NAME} --revision REVISION"


def promote() -> Answer:
    """Read both branches, decide and write; all of it again, where another push came first."""
    given = env.options("init", "revision=", "expect=", "force")
    wanted, expected = env.revision_option(given, "--revision"), env.revision_option(given, "--expect")
    source = f"env/{source_environment()}"
    for tip in env.attempts():
        chosen = choose(source, wanted, expected)
        if not env.fetch_files(chosen.recorded):
            gone = f"git could not get commit {chosen.recorded} (see above); is it in no branch any more?"
            raise Answer("failed:", f"{gone} {ANOTHER}")
        if answer := guard(tip, chosen, init="--init" in given):
            return answer
        if "--force" not in given:
            refuse_failed(source, chosen)
        tree = snapshot(chosen)
        subject = env.title("Promote", chosen.recorded, chosen.commit)
        by = f", by {env.one_line(CI['WHO'])}" if CI["WHO"] else ""
        message = [subject, f"From {source}, commit {chosen.commit}{by}."]
        if commit := env.push(tip, tree, message, trailers(chosen), opens=chosen.recorded):
            text = f"{BRANCH} records {chosen.recorded}, as {source} does (commit {commit})"
            return Answer("done", text, what_is_next(source, chosen, commit, asked=bool(expected)))
    raise AssertionError("env.attempts() ends with an answer of its own")


def source_environment() -> str:
    """Return the environment that this one is promoted from, as gitops.yaml says in block or in flow style.

    What else YAML has (an anchor, a merge, an escape) is refused here: it could mean another environment.
    """
    text = run_git("show", "HEAD:gitops.yaml", quiet=True).stdout
    text = re.sub(r"([\"'])([a-z0-9-]+)\1", r"\2", re.sub(r"(^|[ \t]+)#.*$|[ \t]+$", "", text, flags=re.M))
    sections = re.findall(r"^environments *:(.*\n(?: .*\n)*)", re.sub(r"\n+", "\n", f"{text}\n"), re.M)
    section, name = "".join(sections), rf"(?<![\w-]){re.escape(NAME)} *:"
    forms = (rf"{name}\s*\{{([^{{}}]*)\}}", rf"^( +){name}\n((?:\1 +[^{{}}\n]+\n)+)")
    its = [found[found.lastindex or 0] for form in forms for found in re.finditer(form, section, re.M)]
    sources = re.findall(r"(?:^|,)\s*from *:\s*([a-z0-9-]+)(?=\s*(?:,|$))", "".join(its), re.M)
    plain = re.fullmatch(r"[a-z0-9:,{}\s-]*", section)
    if not plain or [len(sections), len(its), len(sources)] != [1, 1, 1] or NAME in sources:
        why = f"gitops.yaml of commit {env.REVISION} does not say where {NAME} is promoted from, or not in a plain form"
        raise Answer("failed:", f"{why}: environments: {{dev: {{namespace: …}}, test: {{namespace: …, from: dev}}}}")
    return str(sources[0])


def choose(source: str, wanted: str, expected: str) -> Tip:
    """Return the deployment that is promoted: the current one of the source, or an earlier one that is named."""
    tip = env.read_branch(source)
    if not tip.commit:
        raise Answer("failed:", f"there is no branch {source}: nothing was deployed there that could be promoted")
    if expected and not tip.recorded.startswith(expected):
        why = f"{source} records {tip.recorded or 'no revision'} by now, not {expected}, whose pods were queried"
        raise Answer("failed:", f"{why}. Nothing was promoted; run this again")
    if wanted:
        commit = env.named(tip, wanted, source)
        chosen = Tip(commit, env.revision_of(commit))
        if f"bad: {chosen.recorded};" in tip.hold:
            raise Answer("failed:", f"{source} was rolled back from {chosen.recorded}: {tip.hold} It is not promoted")
        return chosen
    if tip.hold:
        way = f"Release the hold, or name what is to be promoted: ci/promote {NAME} --revision {tip.recorded}"
        raise Answer("failed:", f"{source} is held, and nothing is promoted from there. {tip.hold} {way}")
    if not tip.recorded:
        why = f"image.yaml of its commit {tip.commit} names no revision"
        raise Answer("failed:", f"cannot tell what {source} records: {why}. {ANOTHER}")
    return tip


def refuse_failed(source: str, chosen: Tip) -> None:
    """Raise where GitHub shows that this deployment failed in the source."""
    if not DEPLOYMENT:
        return
    for trailer in trailers_of(chosen.commit, "GitHub-deployment: "):
        state, text = DEPLOYMENT.newest(trailer.split()[1])
        if state in ("failure", "error"):
            why = f"the deployment of {chosen.recorded} to {source} failed: {text}"
            raise Answer("failed:", f"{why}. It is not promoted; ci/promote {NAME} --force does it all the same")


def snapshot(chosen: Tip) -> str:
    """Return the tree with the source's chart and image, and the values of that source commit."""
    if not re.search(r'^  digest: "sha256:[0-9a-f]{64}"$', git("show", f"{chosen.commit}:image.yaml"), re.M):
        why = f"image.yaml of commit {chosen.commit} names no image by its digest, so it is not promoted"
        raise Answer("failed:", f"{why}. {ANOTHER}")
    values = re.match(r"100\d+ blob (\w+)", git("ls-tree", chosen.recorded, VALUES))
    if not values:
        missing = f"commit {chosen.recorded} has no file {VALUES} (a symbolic link is none)"
        raise Answer("failed:", f"{missing}. Merge one to main: it is promoted once it was deployed")
    deploy = git("mktree", stdin=f"100644 blob {values[1]}\t{VALUES.partition('/')[2]}\n")
    kept = git("ls-tree", chosen.commit, "chart", "image.yaml")
    return git("mktree", stdin=f"{kept}\n040000 tree {deploy}\tdeploy\n")


def trailers(chosen: Tip) -> list[str]:
    """Return those of the deployment that is promoted, and who forced it, where somebody did."""
    forced = env.one_line(CI.get("DEPLOYED_BY", "")).strip()
    own = [f"Deployed-by: {forced}"] if forced else trailers_of(chosen.commit, "Deployed-by: ")
    return [*trailers_of(chosen.commit, "Argocd-reference-commit-"), *own]


def guard(tip: Tip, chosen: Tip, *, init: bool) -> Answer | None:
    """Return the outcome where this deployment may not go on top of the branch: the first case that applies."""
    if not tip.commit:
        if init:
            return None
        first = f"For the first promotion: ci/promote {NAME} --init"
        lost = "If there was one, it was lost with its holds: look before you do that"
        raise Answer("failed:", f"there is no branch {BRANCH}. {first}. {lost}")
    if tip.hold:
        env.say(f"{chosen.recorded[:7]} is not promoted: {BRANCH} is held. {tip.hold}", CI["WARNING_MARK"])
        stays = f"{BRANCH} stays at {tip.recorded} until the hold is released"
        then = "Next: nothing, until somebody releases the hold, and promotes again."
        return Answer("held", f"{stays}: {CI['TO_RELEASE'] or f'ENVIRONMENT={NAME} ci/rollback --release'}", then)
    if tip.recorded == chosen.recorded:
        return Answer("already there", f"{BRANCH} records {tip.recorded}", "Next: nothing; it is promoted.")
    go_back = f"gitops-flask rollback --env {NAME} --to REVISION, or ENVIRONMENT={NAME} ci/rollback --to REVISION"
    if not tip.recorded:
        why = f"image.yaml of its commit {tip.commit} names no revision"
        raise Answer("failed:", f"cannot tell what {BRANCH} records: {why}. Go back to a deployment: {go_back}")
    records = f"{BRANCH} records {tip.recorded}"
    order = env.compare(tip.recorded, chosen.recorded)
    if order == "newer":
        what = f"{records}, which is newer than {chosen.recorded}. Nothing was promoted; to go back to that"
        raise Answer("failed:", f"{what}: {go_back.replace('REVISION', chosen.recorded)}")
    if order != "older":
        why = "is not in the history of" if order == "diverged" else "cannot be compared (see above) with"
        raise Answer("failed:", f"{records}, which {why} {chosen.recorded} ({order}). Go back first: {go_back}")
    return None


def what_is_next(source: str, chosen: Tip, commit: str, *, asked: bool) -> str:
    """Return what was promoted, and what happens next, for the page of the run."""
    page, revision = env.PAGE, chosen.recorded
    pods = f"No pod of {source[4:]} was queried before; `gitops-flask promote` does that."
    return f"""| source | [{revision[:7]}]({page}/commit/{revision}) |
| --- | --- |
| from | [{chosen.commit[:7]}]({page}/commit/{chosen.commit}) on [{source}]({page}/commits/{source}) |
| promotion | [{commit[:7]}]({page}/commit/{commit}) on [{BRANCH}]({page}/commits/{BRANCH}) |

Next: Argo CD sees the promotion and rolls the pods of {NAME}.{"" if asked else f" {pods}"}
To roll back, {CI["TO_ROLL_BACK"]}."""


env.main(promote)
