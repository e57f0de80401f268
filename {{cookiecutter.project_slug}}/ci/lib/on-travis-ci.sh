# shellcheck shell=bash
# shellcheck disable=SC2034  # read by those who source ci.sh
# on-travis-ci.sh: see ci.sh. DELIVERY_TOKEN is in the repository's settings there: Travis CI's own key only reads.

[ "${TRAVIS:-}" = true ] || return 0

CI_NAME='Travis CI'
REPOSITORY=${TRAVIS_REPO_SLUG:-}
API=$(github_api)
RUN_PAGE=${TRAVIS_JOB_WEB_URL:-}
SKIP='[skip ci]' # it builds every branch
REUSE_PUSHED='' # any branch's build may push
TO_INIT='Trigger build on main at Travis CI, with ACTION=init (see .travis.yml)'
TO_RELEASE='Trigger build on main at Travis CI, with ACTION=release (see .travis.yml)'
name_git 'Travis CI' builds@travis-ci.com

where_to_set() { printf ' (at Travis CI: More options, Settings, Environment Variables)'; }
thrown_away() { true; }
who() { printf 'somebody at Travis CI'; }

# The range is empty where a push made the branch.
first_push() { [ "${TRAVIS_EVENT_TYPE:-}" = push ] && [ -z "${TRAVIS_COMMIT_RANGE:-}" ]; }
