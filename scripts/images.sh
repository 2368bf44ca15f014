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

busybox() {
  empty_root
  image "$1" '"Cmd": ["sh"]'
}

# A file system with nothing but a shell; the packages are unpacked beside it, in $packages.
empty_root() {
  root=$work/root
  packages=$work/packages
  rm -rf "$root"
  [ -d "$packages" ] || fetch busybox-static redis-server redis-tools nginx nginx-common
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

# Packages with all they depend on, as if nothing were installed; of those only what can hold a library is unpacked.
fetch() {
  command -v apt-get >/dev/null || {
    echo "images.sh: images cannot be pulled, and stand-ins are made from Debian packages, which needs apt-get" >&2
    return 1
  }
  if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null && [ "$(id -u)" = 0 ]; then apt-get -qq update; fi
  local archives=$work/archives archive
  mkdir -p "$archives/partial" "$packages"
  : >"$work/nothing-installed"
  apt-get -qq -y --download-only --no-install-recommends -o Dir::State::status="$work/nothing-installed" \
    -o Dir::Cache::archives="$archives" -o Debug::NoLocking=1 -o APT::Sandbox::User=root install "$@" >"$work/apt.log" 2>&1 || {
    cat "$work/apt.log" >&2
    return 1
  }
  for archive in "$archives"/{busybox,lib,lua,nginx,redis,zlib}*.deb; do
    case ${archive##*/} in libperl*) continue ;; esac # half of all bytes, and no use
    [ ! -e "$archive" ] || dpkg-deb --extract "$archive" "$packages"
  done
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
  loader=$(grep -aom 1 -E '/lib(64)?/ld-linux[a-z0-9_.-]*\.so\.[0-9]' "$packages/$1")
  mkdir -p "$root$(dirname "$loader")"
  find "$packages/lib" -name "$(basename "$loader")" -type f -exec cp {} "$root$loader" \;
}

# image NAME CONFIG: $root becomes the image; CONFIG are the fields of its configuration, as JSON.
image() {
  local layer=$work/layer.tar digest
  tar --directory "$root" --create --sort=name --mtime=@0 --numeric-owner --owner 0 --group 0 --file "$layer" .
  digest=$(sha256sum "$layer" | cut -d' ' -f1)
  cat >"$work/config.json" <<JSON
{
  "architecture": "$(dpkg --print-architecture)", "os": "linux",
  "config": {
    "Labels": {"dev.wcompose.stand-in": "true"},
    "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
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
