# shellcheck shell=bash disable=SC2034
# on-travis-ci.sh: see ci.sh. DEPLOY_TOKEN is in the repository's settings there: Travis CI's own key only reads.

[ "${TRAVIS:-}" = true ] || return 0

CI_NAME='Travis CI'
REPOSITORY=${TRAVIS_REPO_SLUG:-}
RUN_PAGE=${TRAVIS_JOB_WEB_URL:-}
AUTHOR_NAME='Travis CI' AUTHOR_EMAIL=builds@travis-ci.com
WHO='somebody at Travis CI'
SKIP='[skip ci]' # it builds every branch
REUSE_PUSHED='' # any branch's build may push
THROWN_AWAY=yes
TO_INIT='Trigger build on main at Travis CI, with ACTION=init (see .travis.yml)'
TO_RELEASE="Trigger build on main at Travis CI, with ACTION=release${OTHER:+ ENVIRONMENT=$OTHER} (see .travis.yml)"
WHERE_VARIABLE=' (at Travis CI: More options, Settings, Environment Variables)' WHERE_SECRET=$WHERE_VARIABLE

# The range is empty where a push made the branch.
if [ "${TRAVIS_EVENT_TYPE:-}" = push ] && [ -z "${TRAVIS_COMMIT_RANGE:-}" ]; then FIRST_PUSH=yes; fi
