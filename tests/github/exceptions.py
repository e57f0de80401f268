"""Where GitHub differs from its own published description: every entry with its reason."""

# (operation, parameter or start of the fault) that requests may have although the description does not
ACCEPTED_REQUESTS: dict[tuple[str, str], str] = {}

# (operation, status) that GitHub answers although the description does not list them; "*" is every operation
ACCEPTED_ANSWERS: dict[tuple[str, str], str] = {
    ("*", "401"): "bad credentials: described once for the whole API, in its guide to authentication",
    ("*", "403"): "a token without the permission: likewise, in the guide to troubleshooting",
    ("*", "404"): "private things without access: likewise",
    ("POST /repos/{owner}/{repo}/actions/variables", "409"): "a taken name; gh goes on with PATCH on exactly this",
    (
        "POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches",
        "422",
    ): "inputs that the workflow does not declare, or a ref that is not there; gh shows the message",
}
