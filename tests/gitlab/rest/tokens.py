"""A project's own access tokens (doc/api/project_access_tokens.md)."""

import datetime

from tests.github.wire import Response

from ..call import Call, level_of
from ..model import MAINTAINER, Group, Token, User, new_secret
from ..wire import RefusedError, answered, missing, route

TOKENS = "/projects/{id}/access_tokens"
PAGE = "project_access_tokens.md"
"""GitLab's OpenAPI document has none of them but their rotation."""
LISTED = {
    "state": {"type": "string", "enum": ["active", "inactive"]},
    "page": {"type": "integer"},
    "per_page": {"type": "integer"},
}
MADE = {
    "name": {"type": "string", "required": True},
    "scopes": {"type": "array", "items": {"type": "string"}, "required": True},
    "expires_at": {"type": "string", "required": True},
    "access_level": {"type": "integer", "enum": [10, 15, 20, 30, 40, 50]},
}
LONGEST = datetime.timedelta(days=365)


@route("GET", TOKENS, level=MAINTAINER, reads="state", takes=LISTED, page=PAGE)
def tokens(call: Call) -> Response:
    wanted = call.request.query.get("state")
    kept = [each for each in call.project.tokens.values() if wanted is None or each.revoked is (wanted == "inactive")]
    return call.page([call.site.token(each) for each in kept])


@route("POST", TOKENS, level=MAINTAINER, reads=" ".join(MADE), takes=MADE, page=PAGE)
def make(call: Call) -> Response:
    namespace, sent = call.project.namespace, call.sent
    if isinstance(namespace, Group) and not namespace.project_access_tokens:
        raise RefusedError(400, "User does not have permission to create project access token")
    level = sent.get("access_level", MAINTAINER)
    if level > level_of(call.token, call.project):
        raise RefusedError(400, "Access level of the token can't be greater the access level of the user")
    if unknown := set(sent["scopes"]) - {"api", "read_api", "read_repository", "write_repository", "read_registry"}:
        raise RefusedError(400, f"Scopes can only contain available scopes: {sorted(unknown)}")
    ends = datetime.date.fromisoformat(sent["expires_at"])
    if not datetime.date.today() < ends <= datetime.date.today() + LONGEST:
        raise RefusedError(400, "Expiration date must be before the maximum lifetime")
    bot = call.gitlab.user(f"project_{call.project.id}_bot_{len(call.project.tokens)}", bot=True)
    token = _token(call, bot, level)
    call.project.tokens[token.id] = call.gitlab.tokens[token.secret] = token
    call.project.members[bot.id] = level
    return answered(201, {**call.site.token(token), "token": token.secret})


def _token(call: Call, bot: User, level: int) -> Token:
    sent = call.sent
    return Token(
        new_secret("project"),
        "project",
        bot,
        frozenset(sent["scopes"]),
        sent["name"],
        sent["expires_at"],
        project=call.project,
        access_level=level,
    )


@route("DELETE", TOKENS + "/{token_id}", level=MAINTAINER, page=PAGE)
def revoke(call: Call, token_id: str) -> Response:
    token = call.project.tokens.get(int(token_id))
    if token is None or token.revoked:
        raise missing("Could not find project access token with token_id: " + token_id)
    token.revoked = True
    del call.gitlab.tokens[token.secret]
    return Response(204)
