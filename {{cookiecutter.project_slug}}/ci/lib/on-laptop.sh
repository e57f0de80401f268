# shellcheck shell=bash disable=SC2034
# on-laptop.sh: see ci.sh. `gitops-flask rollback` and `deploy` run these scripts on your machine, in a clone of their
# own: as GITOPS_FLASK, which is you at the code host, where git logs in as DEPLOY_USERNAME.

[ -n "${GITOPS_FLASK:-}" ] && [ -z "$CI_NAME" ] || return 0

CI_NAME=gitops-flask
WHO=$GITOPS_FLASK
RUN_PAGE=$SERVER/$REPOSITORY/commits/env/$ENVIRONMENT
SKIP='[skip ci]' # some CIs build every branch
TO_RELEASE='gitops-flask rollback --release-hold' TO_ROLL_BACK='run `gitops-flask rollback`'
REUSE_PUSHED=''
[ -z "${DEPLOYED_BY:-}" ] || TAG=local-$REVISION # a CI uses again only what has the commit's own name
