# shellcheck shell=bash
# api.sh: how scripts ask GitHub's API. It is sourced, not run.

# github_api: the address of the API for this repository, where the CI does not tell it.
github_api() {
  case $SERVER in
    https://github.com) printf 'https://api.github.com/repos/%s' "$REPOSITORY" ;;
    https://*.ghe.com) printf 'https://api.%s/repos/%s' "${SERVER#https://}" "$REPOSITORY" ;;
    *) printf '%s/api/v3/repos/%s' "$SERVER" "$REPOSITORY" ;;
  esac
}

# api METHOD PATH [BODY]: GitHub's answer on standard output, packed: so it can be looked through without a parser.
# The token goes to curl by standard input: it is in no command line; and nowhere without https.
api() {
  printf 'header = "Authorization: Bearer %s"\n' "${DELIVERY_TOKEN:-$GITHUB_TOKEN}" |
    curl --config - --fail --silent --show-error --max-time 10 --retry 2 --retry-max-time 20 --request "$1" \
      --header 'Accept: application/vnd.github+json' --header 'X-GitHub-Api-Version: 2022-11-28' \
      --proto '=https' ${3:+--data "$3"} "${API:-$GITHUB_API_URL/repos/$GITHUB_REPOSITORY}/$2" | packed
}

# packed: JSON as one line, whether it came with line breaks and blanks or without.
packed() { tr -d '\n' | sed -E 's/":[[:space:]]+/":/g; s/([{[,])[[:space:]]+/\1/g'; }
