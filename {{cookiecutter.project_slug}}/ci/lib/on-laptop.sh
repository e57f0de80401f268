# shellcheck shell=bash disable=SC2034
# on-laptop.sh: see ci.sh. `gitops-flask promote`, `rollback` and `deploy` run these on your machine, in a private clone.
# GITOPS_FLASK_PERSON is who you are at the code host, DEPLOY_USERNAME how git logs in there, GITOPS_FLASK_PYTHON the
# Python that runs gitops-flask.

[ -n "${GITOPS_FLASK_PERSON:-}" ] && [ -z "$CI_NAME" ] || return 0

CI_NAME=gitops-flask
WHO=$GITOPS_FLASK_PERSON
PYTHON=${GITOPS_FLASK_PYTHON:-$PYTHON}
RUN_PAGE=$SERVER/$REPOSITORY/commits/env/$ENVIRONMENT
SKIP='[skip ci]' # some CIs build every branch
TO_RELEASE="gitops-flask rollback${OTHER:+ --env $OTHER} --release-hold"
TO_ROLL_BACK="run gitops-flask rollback${OTHER:+ --env $OTHER}"
REUSE_PUSHED=''
[ -z "${DEPLOYED_BY:-}" ] || TAG=local-$REVISION # a CI uses again only what has the commit's own name
