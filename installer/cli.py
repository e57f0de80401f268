"""The command line: options only, errors reported in one place. Each verb loads its libraries where it is called."""

import signal
import sys
import threading
from pathlib import Path

import click

from . import __version__
from .commands.options import (
    Sections,
    Where,
    as_document,
    examples,
    in_environment,
    into_folder,
    may_say_yes,
    on_project,
    show_commands,
)
from .support import crash_report
from .support.resume_command import command, this_run
from .ui import console


@click.group(cls=Sections, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gitops-flask")
def cli() -> None:
    """From nothing to a Flask service whose merged pull requests are live in your cluster.

    Tokens come from the environment: GH_TOKEN (or `gh auth login`; GH_ENTERPRISE_TOKEN and GH_HOST for an
    Enterprise Server) or GITLAB_TOKEN (with GITLAB_HOST), and REGISTRY_TOKEN with REGISTRY_USERNAME; for a private
    image REGISTRY_PULL_TOKEN; with CircleCI or Travis CI also DEPLOY_TOKEN, and CIRCLE_TOKEN or TRAVIS_TOKEN; a
    database's address from CLUSTER_DATABASE_URL. The cluster is kubectl's current context.
    """


@cli.command(
    "try",
    epilog=examples(
        "gitops-flask try                            in a kind cluster of its own",
        "gitops-flask try project_name='Orders'      with other answers than the defaults",
        "gitops-flask try --context docker-desktop   in a cluster that is there",
    ),
)
@into_folder
@click.option("--context", metavar="NAME", help="A kubeconfig context, in the place of a kind cluster.")
@click.option("--confirm-context", metavar="NAME", help="The same, where its cluster is not on this machine.")
@click.option("--cluster", metavar="NAME", default="gitops-flask", show_default=True, help="The kind cluster's name.")
@click.option("--registry-image", metavar="IMAGE", help="What runs as the registry (default: Docker Hub's registry).")
@click.option("--fetch-tools", is_flag=True, help="Fetch missing programs, pinned and checked, to your cache.")
@may_say_yes
@click.option("-v", "--verbose", is_flag=True, help="Show every command and request.")
@click.argument("answers", nargs=-1, metavar="[QUESTION=ANSWER]...")
def try_(
    output_dir: Path,
    answers: tuple[str, ...],
    *,
    context: str | None,
    confirm_context: str | None,
    cluster: str,
    registry_image: str | None,
    fetch_tools: bool,
    yes: bool,
    verbose: bool,
) -> None:
    """Try the whole loop on this machine, without an account.

    It makes a kind cluster (or takes a context), a project, a git server, a registry and Argo CD in the cluster, and
    ends when the service's pods answer the commit. Then: change a line, commit, `gitops-flask deploy`. It needs Docker
    and git; kind, kubectl, helm and argocd are fetched where they are missing, if you like. Run again, it resumes.
    """
    from .commands import try_ as try__

    if verbose:
        show_commands()
    try__.try_(
        output_dir,
        _pairs(answers),
        context=context,
        confirmed=confirm_context,
        cluster=cluster,
        registry_image=registry_image or "",
        fetch_tools=fetch_tools,
        yes=yes,
    )


def _pairs(answers: tuple[str, ...], form: str = "QUESTION=ANSWER", where: str = "answers") -> dict[str, str]:
    if wrong := [answer for answer in answers if "=" not in answer]:
        raise click.BadParameter(f"{wrong[0]!r} is not {form}", param_hint=where)
    return dict(answer.split("=", 1) for answer in answers)


@cli.command()
@into_folder
@click.option("--no-input", is_flag=True, help="Ask nothing: take the defaults and what is given.")
@click.option(
    "--check/--no-check", default=True, help="Run the new project's own checks, and the service (default: yes)."
)
@click.argument("answers", nargs=-1, metavar="[QUESTION=ANSWER]...")
def new(output_dir: Path, answers: tuple[str, ...], *, no_input: bool, check: bool) -> None:
    """Generate a project, check it, and offer to deploy it.

    It runs the project's own checks and the service itself. Without a terminal it takes the defaults and what is given.
    It needs neither an account nor a cluster, and then says what is missing for the deployment.

    Example: gitops-flask new project_name='Hello API' owner=acme
    """
    from .commands import new as new_

    new_.new(output_dir, _pairs(answers), no_input=no_input, check=check)


@cli.command(
    epilog=examples(
        "gitops-flask plan                          what would happen",
        "gitops-flask plan --exit-code              for a nightly job: 0 nothing to do, 3 changes",
        "gitops-flask plan --json | jq '.resources[] | select(.action != \"keep\")'",
    )
)
@click.option(
    "--exit-code", is_flag=True, help="Exit with 3 where there is something to do, 1 where something is blocked."
)
@as_document
@on_project
def plan(where: Where, *, as_json: bool, exit_code: bool) -> None:
    """Show what `up` would create or change. Changes nothing."""
    from .commands import plan as plan_

    code = plan_.plan(where.open(), as_json=as_json)
    sys.exit(code if exit_code else 0)


@cli.command(
    epilog=examples(
        "gitops-flask up                            shows the plan, asks, waits until it is live",
        "gitops-flask up --yes                      in scripts and CI",
        "gitops-flask up --renew-key                new deploy keys; the old ones are deleted",
    )
)
@may_say_yes
@click.option("--renew-key", is_flag=True, help="Create new deploy keys, and delete those in use.")
@on_project
def up(where: Where, *, yes: bool, renew_key: bool) -> None:
    """Create or repair the deployment, and wait until it is live.

    Live means that every pod answers the deployed revision. Safe to run again at any time, also after it was
    interrupted: it reads what is there and changes only what differs. Exit code 0: live; 1: a step failed, and the
    message says which, why, and how to resume.
    """
    from .commands import up as up_

    project = where.open()
    this_run.resume = command("up", where.folder)
    up_.up(project, yes=yes, renew_key=renew_key)


@cli.command(
    epilog=examples(
        "gitops-flask status                        repository, rules, run, image, Argo CD, the pods' answers",
        "gitops-flask status --watch                until a deployment is live",
        "gitops-flask status --json | jq .healthy",
    )
)
@click.option("-w", "--watch", is_flag=True, help="Check again until all is healthy, for 15 minutes at most.")
@as_document
@in_environment
@on_project
def status(where: Where, *, as_json: bool, watch: bool) -> None:
    """Show every part, and whether each is as it should be. Exit code 0: healthy, 1: not."""
    from .commands import status as status_

    project = where.open()
    sys.exit(0 if status_.status(project, as_json=as_json, watch=watch) else 1)


@cli.command()
@as_document
@on_project
def doctor(where: Where, *, as_json: bool) -> None:
    """Check what `up` needs, and say how to fix what is missing. Exit code 0: fine, 1: not.

    Programs and their versions, the token and what it may do, plan and policies of the owner, cluster and rights,
    the registry's login, the database's address, the clock. Works outside a project too, as far as that goes.
    """
    from .commands import plan as plan_

    sys.exit(0 if plan_.doctor(where.folder, where.context, as_json=as_json) else 1)


@cli.command(
    epilog=examples(
        "gitops-flask promote                       what dev runs, to test",
        "gitops-flask promote prod                  what test runs, to prod",
        "gitops-flask promote --revision 3f2a91c --force      an earlier deployment of dev",
    )
)
@click.argument("environment", required=False, default="test")
@click.option("--revision", default="", metavar="REVISION", help="An earlier deployment, by its commit.")
@click.option("--force", is_flag=True, help="Also where pods do not answer that revision; recorded.")
@click.option("--init", is_flag=True, help="Make the branch again, if it was lost.")
@may_say_yes
@on_project
def promote(where: Where, *, yes: bool, revision: str, force: bool, init: bool) -> None:
    """Bring what one environment runs to the next one.

    gitops.yaml says which environments there are. Every pod of the environment before must answer the revision; then
    this runs the project's own ci/promote here, in a private clone, as its CI would. The same image comes with the same
    chart and the values of that commit; it ends when it is live.
    """
    from .commands import promote as promote_

    promote_.promote(where.open(), revision=revision, force=force, init=init, yes=yes)


@cli.command(
    epilog=examples(
        "gitops-flask rollback --why 'orders fail'  the deployment before this one",
        "gitops-flask rollback --to 3f2a91c         a specific one",
        "gitops-flask rollback                      on a terminal: choose from the latest deployments",
        "gitops-flask rollback --release-hold       deploy the head of main again",
    )
)
@click.option("--to", default="", metavar="REVISION", help="A deployed commit, or the beginning of its name.")
@click.option("--why", default="", metavar="TEXT", help="The reason; your team sees it in the hold.")
@click.option("--release-hold", is_flag=True, help="Remove the hold and deploy the head of main.")
@may_say_yes
@in_environment
@on_project
def rollback(where: Where, *, yes: bool, to: str, why: str, release_hold: bool) -> None:
    """Bring back an earlier deployment and hold it.

    It runs the project's own ci/rollback here, in a private clone, as its CI would: no CI is needed. It ends when the
    deployment is live. While the hold stands, merges are built but not deployed.
    """
    from .commands import rollback as rollback_

    if release_hold and (to or why):
        raise click.UsageError("--release-hold takes neither --to nor --why.")
    project = where.open()
    if release_hold:
        rollback_.release(project, yes=yes)
    else:
        rollback_.rollback(project, to=to, why=why, yes=yes)


@cli.command(
    epilog=examples(
        "gitops-flask deploy --break-glass 'GitHub Actions is down'            the commit that is checked out",
        "gitops-flask deploy 3f2a91c --break-glass 'GitHub Actions is down'    another commit of main",
    )
)
@click.argument("commit", required=False, default="")
@click.option("--break-glass", "reason", default="", metavar="REASON", help="Why the CI does not do it; recorded.")
@click.option("--skip-tests", is_flag=True, help="Do not run ci/test before; recorded, too.")
@may_say_yes
@in_environment
@on_project
def deploy(where: Where, *, yes: bool, commit: str, reason: str, skip_tests: bool) -> None:
    """Deploy a commit of main without the CI.

    For when the CI is down: otherwise it deploys every merge. This runs the project's own ci/test, ci/image and
    ci/deploy here, in a private clone, for the architecture of the cluster's nodes; it needs Docker, uv and a login
    to the registry (REGISTRY_*, or Docker's own). Who did it, and why, is in the record, which `status` shows. In a
    project that `gitops-flask try` made there is no CI: it asks nothing, takes what is checked out, and pushes that to
    main once tests and image are good.
    """
    from .commands import deploy as deploy_

    project = where.open()
    if project.settings.local:
        from .commands import local

        if reason:
            raise click.UsageError("--break-glass is for projects with a CI: this one has none.")
        local.deploy_here(project, commit=commit, skip_tests=skip_tests)
        return
    if not reason.strip():
        raise click.UsageError("The CI deploys each merge. To go without it, give the reason: --break-glass REASON.")
    deploy_.deploy(project, commit=commit, reason=reason, skip_tests=skip_tests, yes=yes)


@cli.command("open")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="The local port.")
@in_environment
@on_project
def forward(where: Where, *, port: int) -> None:
    """Forward a local port to the service until Ctrl-C."""
    from .commands import up as up_

    up_.open_(where.open(), port)


@cli.command(
    epilog=examples(
        "gitops-flask down                          the service, its wiring, its secrets and rules",
        "gitops-flask down --repository             the GitHub repository too",
        "gitops-flask down --repository --confirm-repository acme/web      in scripts and CI",
    )
)
@may_say_yes
@click.option("--repository", is_flag=True, help="Delete the repository too (its name must be typed).")
@click.option("--confirm-repository", metavar="OWNER/NAME", help="Its name, in scripts.")
@click.option("--argocd", is_flag=True, help="Remove Argo CD too, if `up` installed it (its namespace must be typed).")
@click.option("--confirm-argocd", metavar="NAMESPACE", help="Its namespace, in scripts.")
@on_project
def down(
    where: Where,
    *,
    yes: bool,
    repository: bool,
    confirm_repository: str | None,
    argocd: bool,
    confirm_argocd: str | None,
) -> None:
    """List what `up` created and what of it stays, ask, and remove it.

    The repository and Argo CD stay unless they are asked for. Argo CD stays in any case where another project made it
    or still uses it.
    """
    from .commands import down as down_

    for option, goes, name in (("repository", repository, confirm_repository), ("argocd", argocd, confirm_argocd)):
        if name is not None and not goes:
            raise click.UsageError(f"--confirm-{option} belongs to --{option}.")
    down_.down(
        where.open(),
        yes=yes,
        repository=down_.DestructiveOption(repository, confirm_repository),
        argocd=down_.DestructiveOption(argocd, confirm_argocd),
    )


@cli.group()
def template() -> None:
    """Update a project from its template, or check for an update."""


@template.command(
    "update",
    epilog=examples(
        "gitops-flask template update               a pull or merge request with what is new",
        "gitops-flask template update --set owner=acme      with another answer",
        "gitops-flask template update --abort       close the request, delete its branch",
    ),
)
@click.option("--to", default="", metavar="VERSION", help="Another version than that of this gitops-flask.")
@click.option("--template", "address", default="", metavar="ADDRESS", help="Another template: its code is run.")
@click.option("--set", "answers", multiple=True, metavar="KEY=VALUE", help="Change an answer; may be given repeatedly.")
@click.option("--abort", is_flag=True, help="Close an update that is not merged, and delete its branch.")
@click.option("--init", is_flag=True, help="For a project without a record of its template.")
@on_project
def template_update(where: Where, *, to: str, address: str, answers: tuple[str, ...], abort: bool, init: bool) -> None:
    """Merge the template's changes into the project, and propose them.

    Git merges three ways, what the project was made from, the project and the template, into a branch of its own; no
    file of this folder is touched. A request is opened where there is a token for the code host, a draft where there
    are conflicts.
    """
    from .commands import template as template_

    given = _pairs(answers, "KEY=VALUE", "--set")
    if abort and (to or address or answers or init):
        raise click.UsageError("--abort takes no other option.")
    project = where.open()
    if abort:
        template_.abort(project)
    else:
        template_.update(project, to=to, address=address, answers=given, init=init)


@template.command("check")
@as_document
@on_project
def template_check(where: Where, *, as_json: bool) -> None:
    """Check whether the template has an update for the project. Exit code 0: current, 3: behind."""
    from .commands import template as template_

    sys.exit(template_.check(where.folder, as_json=as_json))


def main() -> None:
    """Run the command line; exit codes: 0 fine, 1 an error that is reported, 2 wrong usage, 130 Ctrl-C, 143 SIGTERM."""
    stopped = 0

    def stop(number: int, _: object) -> None:
        """End as by Ctrl-C, once: `timeout` sends SIGTERM twice, and the second one would cut the tidying."""
        nonlocal stopped
        if not stopped:
            stopped = 128 + number
            raise KeyboardInterrupt

    for each in (signal.SIGTERM, getattr(signal, "SIGHUP", None)):  # the terminal is closed; Windows has none
        if each and signal.getsignal(each) is not signal.SIG_IGN:  # as under nohup
            signal.signal(each, stop)
    console.take_any_encoding()
    crash_report.remember_steps()
    this_run.arguments, this_run.resume = tuple(sys.argv[1:]), ""
    threading.excepthook = lambda thrown: console.fail(crash_report.report(thrown.exc_value or thrown.exc_type()))
    try:
        cli(standalone_mode=False)
        return
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:  # whoever read what is printed has enough, `head` say
        console.hush()
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        console.fail("Stopped.")
        code = stopped or 130
    except Exception as error:  # whatever it is: a sentence, no traceback
        console.fail(crash_report.report(error))
        code = 1
    if this_run.resume:
        console.err.print(f"Resume with:\n  {this_run.resume}", markup=False)
    sys.exit(code)
