#!/usr/bin/env bash
# test.sh [vitest arguments]: all tests, on the pinned Node, with what they need installed where that is possible.
# The last line is `N passed, N failed, N skipped`; names of tests may be given as to vitest: npm test -- test/plan
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ -x node_modules/node/bin/node ] || {
  echo "test.sh: run npm ci first" >&2
  exit 1
}
export PATH=$PWD/node_modules/.bin:$PATH

# Tests of the relay compile it again and compare; what reading commands do is seen by strace. The Engine and its images are the matter of the tests that use them.
if ! { command -v musl-gcc && command -v strace; } >/dev/null && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  install() { DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install musl-tools gcc strace >/dev/null; }
  install || { apt-get -qq update && install; } || echo "test.sh: musl-tools and strace could not be installed" >&2
fi

node scripts/build.mjs || {
  echo 'failed: the build'
  echo '0 passed, 1 failed, 0 skipped'
  exit 1
}

report=$(mktemp "${TMPDIR:-/tmp}/wcompose-test.XXXXXX")
trap 'rm -f "$report"' EXIT
# Commands that tests run have homes of their own, and would compile everything each time.
export NODE_COMPILE_CACHE=$PWD/node_modules/.cache/compiled
status=0
vitest run --reporter=default --reporter=json --outputFile.json="$report" "$@" </dev/null || status=$?
node scripts/test-summary.mjs "$report" "$status"
