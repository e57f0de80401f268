# shellcheck shell=bash disable=SC2034
# on-circleci.sh: see ci.sh. DEPLOY_TOKEN is an environment variable of the project: CircleCI's own key only reads.

[ "${CIRCLECI:-}" = true ] || return 0

CI_NAME=CircleCI
REPOSITORY=${CIRCLE_PROJECT_USERNAME:-}/${CIRCLE_PROJECT_REPONAME:-}
RUN_PAGE=${CIRCLE_BUILD_URL:-}
AUTHOR_NAME=CircleCI AUTHOR_EMAIL=builds@circleci.com
WHO=${CIRCLE_USERNAME:-somebody at CircleCI}
SKIP='[skip ci]' # it builds every branch
REUSE_PUSHED='' # any branch's build may push
THROWN_AWAY=yes
TO_INIT='Trigger Pipeline on main at CircleCI, with the parameter action: init'
TO_RELEASE="Trigger Pipeline on main at CircleCI, with the parameter action: release${OTHER:+, and environment: $OTHER}"
WHERE_VARIABLE=' (at CircleCI: Project Settings, Environment Variables)' WHERE_SECRET=$WHERE_VARIABLE

# CircleCI does not say whether a push made its branch; but the first commit has no parent, also in a clone.
[[ $(git cat-file -p HEAD | sed '/^$/q') == *$'\n''parent '* ]] || FIRST_PUSH=yes
