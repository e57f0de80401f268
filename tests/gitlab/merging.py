"""Merge requests: proposed, and merged by git itself once GitLab would let them."""

from typing import TYPE_CHECKING, Any

from tests.github import git

from .call import level_of
from .model import MergeRequest, Project, Token, User
from .pipelines import Pipeline
from .pushes import Push
from .wire import RefusedError

if TYPE_CHECKING:
    from .stand_in import GitLab


class Merging:
    """What becomes of a proposed change."""

    def __init__(self, gitlab: "GitLab") -> None:
        self._gitlab = gitlab

    def propose(self, project: Project, author: User, sent: dict[str, Any]) -> MergeRequest:
        refs = git.refs(project.git)
        if sent["source_branch"] not in refs:
            raise RefusedError(400, {"source_branch": ["does not exist"]})
        for each in project.merge_requests.values():
            if (each.source, each.target, each.state) == (sent["source_branch"], sent["target_branch"], "opened"):
                raise RefusedError(
                    409, [f"Another open merge request already exists for this source branch: !{each.iid}"]
                )
        always = project.settings["squash_option"] in ("always", "default_on")
        request = MergeRequest(
            len(project.merge_requests) + 1,
            sent["title"],
            sent["source_branch"],
            sent["target_branch"],
            author,
            sent.get("description", ""),
            sha=refs[sent["source_branch"]],
            squash=sent.get("squash", always),
            remove_source_branch=sent.get("remove_source_branch", project.settings["remove_source_branch_after_merge"]),
        )
        project.merge_requests[request.iid] = request
        self._gitlab.triggers.proposed(project, request, author)
        return request

    def head_pipeline(self, project: Project, request: MergeRequest) -> Pipeline | None:
        return next(
            (each for each in project.pipelines if each.merge_request is request and each.sha == request.sha), None
        )

    def status(self, project: Project, request: MergeRequest) -> str:
        """Say whether it can be merged, in the words of `detailed_merge_status`."""
        if request.state != "opened":
            return "not_open"
        if project.id in self._gitlab.triggers.creating:
            return "ci_still_running"
        target = git.refs(project.git)[request.target]
        if git.merge_tree(project.git, target, request.sha) is None:
            return "conflict"
        head = self.head_pipeline(project, request)
        if project.settings["only_allow_merge_if_pipeline_succeeds"]:
            if head and not head.over:
                return "ci_still_running"
            if head is None or head.status != "success":
                return "ci_must_pass"
        return "mergeable"

    def merge(self, project: Project, request: MergeRequest, token: Token, sent: dict[str, Any]) -> None:
        rule = project.protections.get(request.target)
        if rule and (not rule.merge or level_of(token, project) < rule.merge):
            raise RefusedError(401, "401 Unauthorized")
        if sent.get("sha") not in {None, request.sha}:
            raise RefusedError(409, "SHA does not match HEAD of source branch: " + request.sha)
        request.squash = sent.get("squash", request.squash)
        status = self.status(project, request)
        automatic = sent.get("auto_merge") or sent.get("merge_when_pipeline_succeeds")
        if status == "ci_still_running" and automatic:
            request.auto_merge = token.user
        elif status != "mergeable":
            raise RefusedError(405, "405 Method Not Allowed")
        else:
            self._merge(project, request, token.user)

    def pipeline_over(self, project: Project, pipeline: Pipeline) -> None:
        """Merge what was to be merged once its pipeline has succeeded."""
        request = pipeline.merge_request
        if request and request.auto_merge and request.sha == pipeline.sha and request.state == "opened":
            if self.status(project, request) == "mergeable":
                self._merge(project, request, request.auto_merge)
            request.auto_merge = None

    def _merge(self, project: Project, request: MergeRequest, user: User) -> None:
        folder, who = project.git, (user.username.title(), user.email)
        target = git.refs(folder)[request.target]
        tree = git.merge_tree(folder, target, request.sha)
        assert tree is not None
        merged = target
        if request.squash:
            merged = git.commit_tree(folder, tree, [target], request.title, who)
            request.merged_sha = merged
        method = project.settings["merge_method"]
        if method == "merge":
            message = f"Merge branch '{request.source}' into '{request.target}'\n\n{request.title}"
            parents = [target, merged if request.squash else request.sha]
            merged = git.commit_tree(folder, tree, parents, message, who)
            request.merged_sha = merged
        elif method != "ff" or not request.squash:
            raise NotImplementedError(f"merge method {method}, squash {request.squash}")
        git.git(folder, "update-ref", f"refs/heads/{request.target}", merged, target)
        request.state = "merged"
        updates = [(target, merged, f"refs/heads/{request.target}")]
        if request.remove_source_branch:
            git.git(folder, "update-ref", "-d", f"refs/heads/{request.source}", request.sha)
        self._gitlab.hosting.pushed(Push(project, user=user), updates)
