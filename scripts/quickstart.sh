#!/usr/bin/env bash
# quickstart.sh: the guestbook example, up and answering. The last line of its output is the address, alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ -x node_modules/node/bin/node ] || {
  echo "quickstart.sh: run npm ci first" >&2
  exit 1
}
export PATH=$PWD/node_modules/.bin:$PATH
file=examples/guestbook/compose.yaml

main() {
  bash scripts/engine.sh
  bash scripts/images.sh
  node scripts/build.mjs
  WEB_PORT=${WEB_PORT:-$(choose_port)}
  export WEB_PORT
  wcompose -f "$file" up --detach --wait

  local url=http://localhost:$WEB_PORT first second
  first=$(visits "$url")
  second=$(visits "$url")
  echo "visits: $first, then $second"
  if [ "$second" -le "$first" ]; then
    echo "quickstart.sh: the second visit was not counted" >&2
    exit 1
  fi

  cat <<TEXT

The guestbook runs: nginx -> WebAssembly -> Redis.
  look     npx wcompose -f $file ps
           npx wcompose -f $file logs -f
  visits   $url/visits/visits.log
  stop     npx wcompose -f $file down -v
TEXT
  [ ! -e /run/wcompose-engine/dockerd ] || echo '  Engine   bash scripts/engine.sh stop   (it was started for this)'
  echo "$url"
}

# The port of a guestbook that runs already; else the first free one from 8080.
choose_port() {
  wcompose -f "$file" ps --format json | node -e '
    const rows = require("node:fs").readFileSync(0, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
    const port = rows.find((row) => row.Service === "web")?.Publishers.find((p) => p.PublishedPort > 0)?.PublishedPort;
    const free = (port) => {
      const server = require("node:net").createServer();
      server.once("error", () => free(port + 1));
      server.listen(port, () => server.close(() => console.log(port)));
    };
    if (port !== undefined) console.log(port);
    else free(8080);
  '
}

# The number of visits, this one included.
visits() {
  node -e '
    fetch(process.argv[1]).then(async (response) => {
      const text = await response.text();
      const count = /visits: (\d+)/.exec(text)?.[1];
      if (count === undefined) throw new Error(`${response.status} ${text}`);
      console.log(count);
    });
  ' "$1"
}

main
