#!/usr/bin/env bash
# images.sh [image...]: makes images available to the Engine; without arguments those of examples/guestbook.
#
# An image that is there stays as it is. Else it is pulled; where that does not work (no network but a Debian mirror,
# a registry that refuses), a stand-in of the same name is built from Debian packages: only the programs, the libraries
# they load and busybox for a shell. It says so, and carries the label dev.wcompose.stand-in=true. `docker rmi NAME`
# removes it again.
set -euo pipefail

BUSYBOX=wcompose-test/busybox:latest # for tests; never pulled

main() {
  [ $# -gt 0 ] || set -- redis:7-alpine nginx:1.29-alpine
  local image
  # All at once, as asking apt takes seconds.
  sources=(busybox-static)
  for image in "$@"; do
    case $image in
      redis:*) sources+=(redis-server redis-tools) ;;
      nginx:*) sources+=(nginx nginx-common) ;;
      postgres:*) sources+=(postgresql-15 postgresql-client-15) ;;
    esac
  done
  for image in "$@"; do
    if docker image inspect "$image" >/dev/null 2>&1; then continue; fi
    if pull "$image"; then continue; fi
    stand_in "$image"
    echo "$image is a stand-in, made from Debian packages on this machine"
  done
}

# One refusal is enough to know: the next image is not worth another wait.
pull_works=yes
pull() {
  [ "$1" != "$BUSYBOX" ] && [ "$pull_works" = yes ] || return 1
  within 120 docker pull --quiet "$1" >"$work/pull.log" 2>&1 && return 0
  pull_works=no
  return 1
}

# within SECONDS COMMAND...; macOS has no timeout command.
within() {
  if command -v timeout >/dev/null; then timeout "$@"; else "${@:2}"; fi
}

stand_in() {
  case $1 in
    redis:*) redis "$1" ;;
    nginx:*) nginx "$1" ;;
    postgres:*) postgres "$1" ;;
    "$BUSYBOX") busybox "$1" ;;
    *)
      echo "images.sh: cannot pull $1, and there is no stand-in for it:" >&2
      cat "$work/pull.log" >&2
      return 1
      ;;
  esac
}

redis() {
  empty_root
  program usr/bin/redis-server
  program usr/bin/redis-cli
  mkdir -m 777 "$root/data"
  # As the official image: options alone mean redis-server, and it may be reached from other containers.
  cat >"$root/entrypoint.sh" <<'SCRIPT'
#!/bin/sh
case ${1:-} in -* | *.conf) set -- redis-server "$@" ;; esac
[ "$1" != redis-server ] || set -- "$@" --protected-mode no
exec "$@"
SCRIPT
  chmod 755 "$root/entrypoint.sh"
  image "$1" '"Entrypoint": ["/entrypoint.sh"], "Cmd": ["redis-server"], "Volumes": {"/data": {}}, "WorkingDir": "/data",
    "ExposedPorts": {"6379/tcp": {}}'
}

nginx() {
  empty_root
  program usr/sbin/nginx
  mkdir -p "$root/etc/nginx/conf.d" "$root/usr/share/nginx/html" "$root/var/log/nginx" "$root/var/lib/nginx" "$root/run"
  cp "$packages/etc/nginx/mime.types" "$root/etc/nginx/"
  cat >"$root/etc/nginx/nginx.conf" <<'CONF'
user nobody nogroup;
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid /run/nginx.pid;
events {}
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log /var/log/nginx/access.log;
  sendfile on;
  include /etc/nginx/conf.d/*.conf;
}
CONF
  cat >"$root/etc/nginx/conf.d/default.conf" <<'CONF'
server {
  listen 80;
  location / { root /usr/share/nginx/html; index index.html; }
}
CONF
  echo '<h1>Welcome to nginx!</h1>' >"$root/usr/share/nginx/html/index.html"
  ln -s /dev/stdout "$root/var/log/nginx/access.log"
  ln -s /dev/stderr "$root/var/log/nginx/error.log"
  image "$1" '"Cmd": ["nginx", "-g", "daemon off;"], "ExposedPorts": {"80/tcp": {}}, "StopSignal": "SIGQUIT"'
}

# The version of Debian 12.
postgres() {
  empty_root
  local version=15 name
  for name in postgres initdb pg_ctl pg_isready psql createdb; do program "usr/lib/postgresql/$version/bin/$name"; done
  for name in plpgsql dict_snowball; do program "usr/lib/postgresql/$version/lib/$name.so"; done
  mkdir -p "$root/usr/share/"{postgresql,zoneinfo} "$root/docker-entrypoint-initdb.d" "$root/var/lib/postgresql/data" \
    "$root/var/run/postgresql"
  cp -R "$packages/usr/share/postgresql/$version" "$root/usr/share/postgresql/"
  rm -rf "$root/usr/share/postgresql/$version/"{man,extension/*--*--*}
  echo 'postgres:x:70:70::/var/lib/postgresql:/bin/sh' >>"$root/etc/passwd"
  echo 'postgres:x:70:' >>"$root/etc/group"
  # As the official image, as far as projects of the tests and examples need it.
  cat >"$root/entrypoint.sh" <<'SCRIPT'
#!/bin/sh
set -e
case ${1:-} in -*) set -- postgres "$@" ;; esac
[ "$1" = postgres ] || exec "$@"
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  chown -R postgres:postgres "$PGDATA" /var/run/postgresql
  exec su -s /bin/sh postgres -c 'exec "$0" "$@"' "$0" "$@"
fi
[ -z "$POSTGRES_PASSWORD_FILE" ] || POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
    echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
    exit 1
  fi
  user=${POSTGRES_USER:-postgres} database=${POSTGRES_DB:-${POSTGRES_USER:-postgres}}
  echo "${POSTGRES_PASSWORD:-none}" >/tmp/password
  initdb -U "$user" --no-sync --auth-local=trust --auth-host=scram-sha-256 --pwfile=/tmp/password >/dev/null
  rm /tmp/password
  echo "host all all all ${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >>"$PGDATA/pg_hba.conf"
  pg_ctl -w -o "-c listen_addresses=''" start >/dev/null
  [ "$database" = postgres ] || createdb -U "$user" "$database"
  for file in /docker-entrypoint-initdb.d/*.sql; do
    [ ! -f "$file" ] || psql -v ON_ERROR_STOP=1 -q -U "$user" -d "$database" -f "$file"
  done
  pg_ctl -m fast -w stop >/dev/null
  echo 'PostgreSQL init process complete; ready for start up.'
fi
exec "$@" -c listen_addresses='*'
SCRIPT
  chmod 755 "$root/entrypoint.sh"
  image "$1" '"Entrypoint": ["/entrypoint.sh"], "Cmd": ["postgres"], "Volumes": {"/var/lib/postgresql/data": {}},
    "ExposedPorts": {"5432/tcp": {}}, "StopSignal": "SIGINT"' \
    "PATH=/usr/lib/postgresql/$version/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
    PGDATA=/var/lib/postgresql/data
}

busybox() {
  empty_root
  image "$1" '"Cmd": ["sh"]'
}

# A file system with nothing but a shell; the packages are unpacked beside it, in $packages.
empty_root() {
  root=$work/root
  packages=$work/packages
  rm -rf "$root"
  [ -d "$packages" ] || fetch "${sources[@]}"
  mkdir -p "$root"/{bin,dev,etc,proc,root,sys,tmp}
  chmod 1777 "$root/tmp"
  echo 'root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/false' >"$root/etc/passwd"
  echo 'root:x:0:
nogroup:x:65534:' >"$root/etc/group"
  cp "$packages/bin/busybox" "$root/bin/"
  local applet
  for applet in $("$root/bin/busybox" --list); do
    [ -e "$root/bin/$applet" ] || ln "$root/bin/busybox" "$root/bin/$applet"
  done
}

# Packages with all they depend on, as if nothing were installed; of those only what can hold a library is downloaded.
fetch() {
  command -v apt-get >/dev/null || {
    echo "images.sh: images cannot be pulled, and stand-ins are made from Debian packages, which needs apt-get" >&2
    return 1
  }
  if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null && [ "$(id -u)" = 0 ]; then apt-get -qq update; fi
  local archives=$work/archives names
  mkdir -p "$archives/partial" "$packages"
  : >"$work/nothing-installed"
  # libperl is half of all bytes of nginx, libllvm and libz3 that of PostgreSQL, and they are of no use.
  names=$(apt-get -qq -y --print-uris --no-install-recommends -o Dir::State::status="$work/nothing-installed" \
    -o Dir::Cache::archives="$archives" -o Debug::NoLocking=1 install "$@" 2>"$work/apt.log" |
    awk '{sub(/_.*/, "", $2); print $2}' | grep -E '^(busybox|lib|lua|nginx|postgresql-[0-9c]|redis|zlib)' |
    grep -vE '^(libllvm|libperl|libz3|postgresql-(client-)?common)') || true
  # shellcheck disable=SC2086 # one word for each package
  [ -n "$names" ] && (cd "$archives" && apt-get -qq -o APT::Sandbox::User=root download $names) >>"$work/apt.log" 2>&1 || {
    cat "$work/apt.log" >&2
    return 1
  }
  local archive
  for archive in "$archives"/*.deb; do dpkg-deb --extract "$archive" "$packages"; done
}

# One program of the packages into $root, with the libraries it loads and the loader itself.
program() {
  local loader library path
  loader=$(cd "$packages" && find lib lib64 -name 'ld-linux*.so.*' -type f | head -n 1)
  mkdir -p "$root/$(dirname "$1")"
  cp -L "$packages/$1" "$root/$1"
  path=$(find "$packages/lib" "$packages/usr/lib" -maxdepth 1 -type d -name '*-linux-gnu' | paste -sd:)
  for library in $("$packages/$loader" --library-path "$path" --list "$packages/$1" | grep -oE "$packages/[^ ]+"); do
    mkdir -p "$root/lib/$(basename "$(dirname "$library")")"
    cp -L "$library" "$root/lib/$(basename "$(dirname "$library")")/"
  done
  # Where the program itself looks for its loader.
  loader=$(grep -aom 1 -E '/lib(64)?/ld-linux[a-z0-9_.-]*\.so\.[0-9]' "$packages/$1") || return 0 # a library
  mkdir -p "$root$(dirname "$loader")"
  find "$packages/lib" -name "$(basename "$loader")" -type f -exec cp {} "$root$loader" \;
}

# image NAME CONFIG [VARIABLE...]: $root becomes the image; CONFIG are the fields of its configuration, as JSON.
image() {
  local layer=$work/layer.tar digest variables=("${@:3}")
  [ ${#variables[@]} -gt 0 ] || variables=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
  tar --directory "$root" --create --sort=name --mtime=@0 --numeric-owner --owner 0 --group 0 --file "$layer" .
  digest=$(sha256sum "$layer" | cut -d' ' -f1)
  cat >"$work/config.json" <<JSON
{
  "architecture": "$(dpkg --print-architecture)", "os": "linux",
  "config": {
    "Labels": {"dev.wcompose.stand-in": "true"},
    "Env": [$(printf '"%s",' "${variables[@]}" | sed 's/,$//')],
    $2
  },
  "rootfs": {"type": "layers", "diff_ids": ["sha256:$digest"]}
}
JSON
  echo "[{\"Config\": \"config.json\", \"RepoTags\": [\"$1\"], \"Layers\": [\"layer.tar\"]}]" >"$work/manifest.json"
  tar --directory "$work" --create manifest.json config.json layer.tar | docker load --quiet >/dev/null
}

work=$(mktemp -d "${TMPDIR:-/tmp}/wcompose-images.XXXXXX")
trap 'rm -rf "$work"' EXIT
main "$@"
