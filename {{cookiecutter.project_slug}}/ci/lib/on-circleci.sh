# shellcheck shell=bash
# shellcheck disable=SC2034  # read by those who source ci.sh
# on-circleci.sh: see ci.sh. DELIVERY_TOKEN is an environment variable of the project: CircleCI's own key only reads.

[ "${CIRCLECI:-}" = true ] || return 0

CI_NAME=CircleCI
REPOSITORY=${CIRCLE_PROJECT_USERNAME:-}/${CIRCLE_PROJECT_REPONAME:-}
API=$(github_api)
RUN_PAGE=${CIRCLE_BUILD_URL:-}
SKIP='[skip ci]' # it builds every branch
REUSE_PUSHED='' # any branch's build may push
TO_INIT='Trigger Pipeline on main at CircleCI, with the parameter action: init'
TO_RELEASE='Trigger Pipeline on main at CircleCI, with the parameter action: release'
name_git CircleCI builds@circleci.com

where_to_set() { printf ' (at CircleCI: Project Settings, Environment Variables)'; }
thrown_away() { true; }
who() { printf '%s' "${CIRCLE_USERNAME:-somebody at CircleCI}"; }

# CircleCI does not tell whether a push made its branch; but what comes first has nothing before it, also in a clone.
first_push() { ! git cat-file -p HEAD | sed '/^$/q' | grep -q '^parent '; }
