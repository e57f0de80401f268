"""What the GitLab stand-in answers is in GitLab's own OpenAPI document, or says where else GitLab documents it."""

from tests.gitlab import rest  # noqa: F401  # registers the routes
from tests.gitlab.documented import OPERATIONS, undocumented
from tests.gitlab.wire import PAGES, SAYS


def test_each_route_is_in_gitlabs_openapi_document_or_names_a_page_of_its_documentation() -> None:
    assert undocumented() == []
    said = {name for name, says in SAYS.items() if says.page}
    assert {name for name, says in SAYS.items() if says.takes} <= said
    assert sorted(SAYS.keys() - OPERATIONS.keys()) == [
        "DELETE /projects/{id}/access_tokens/{token_id}",
        "GET /projects/{id}/access_tokens",
        "GET /projects/{id}/repository/commits/{sha}/statuses",
        "GET /user",
        "POST /projects/{id}/access_tokens",
        "PUT /projects/{id}/merge_requests/{merge_request_iid}",
    ]
    assert OPERATIONS.keys() <= SAYS.keys()
    for name, says in SAYS.items():
        known = {*OPERATIONS.get(name, {}).get("parameters", {}), *says.takes, *PAGES}
        assert says.reads <= known, name
