#!/usr/bin/env bash
# engine.sh [start]: a Docker Engine for the tests and the quickstart. An Engine that answers is used as it is. Else, as
#                    root on Debian or Ubuntu, the distribution's Engine is installed and started.
# engine.sh stop:    stops the Engine that `engine.sh start` started, and no other.
#
# Only the scripts of this repository run it; wcompose itself never installs or starts an Engine.
set -euo pipefail

state=/run/wcompose-engine # belongs to root, and a reboot empties it
log=/var/log/wcompose-engine.log
socket=/var/run/docker.sock

start() {
  if answers; then return; fi
  [ -z "${DOCKER_HOST:-}" ] || give_up "DOCKER_HOST is ${DOCKER_HOST}, and no Engine answers there"
  [ "$(id -u)" = 0 ] || give_up "no Docker Engine answers: start one, or let an administrator run scripts/engine.sh"
  install_engine
  # Where there is an init system, the package has started its service.
  if answers; then return; fi
  echo "starting dockerd; its log is $log"
  # A session of its own: it outlives this script and the terminal.
  setsid dockerd --host "unix://$socket" >"$log" 2>&1 </dev/null &
  local pid=$!
  mkdir -p "$state"
  identity "$pid" >"$state/dockerd"
  for _ in $(seq 300); do
    if answers; then return; fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 20 "$log" >&2
  stop
  give_up "dockerd did not come up; the lines above are the end of $log"
}

stop() {
  [ -e "$state/dockerd" ] || return 0
  local recorded pid
  recorded=$(cat "$state/dockerd")
  pid=${recorded%% *}
  rm -f "$state/dockerd"
  # Another process may have the number by now.
  [ "$(identity "$pid")" = "$recorded" ] || return 0
  kill "$pid"
  while [ "$(identity "$pid")" = "$recorded" ]; do sleep 0.1; done
}

# "PID START-TIME NAME" of a process, which no other process ever has; nothing when there is none, or only its remains.
identity() {
  local pid=$1 stat rest
  stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 0
  rest=${stat##*) }
  # shellcheck disable=SC2086 -- its fields, from the third on
  set -- $rest
  [ "$1" = Z ] || echo "$pid ${20} dockerd"
}

install_engine() {
  if command -v dockerd >/dev/null && command -v iptables >/dev/null; then return; fi
  command -v apt-get >/dev/null || give_up "no Docker Engine is installed: install one (https://docs.docker.com/engine/install/)"
  echo "installing the Docker Engine of the distribution (docker.io, iptables)"
  export DEBIAN_FRONTEND=noninteractive
  apt_install docker.io iptables || {
    apt-get -qq update && apt_install docker.io iptables
  } || give_up "apt-get could not install docker.io and iptables"
  # A package of its own since Debian 13.
  command -v docker >/dev/null || apt_install docker-cli || give_up "apt-get could not install docker-cli"
}

apt_install() {
  apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@" >/dev/null
}

# Asks the socket itself: a docker command may be there without any Engine.
answers() {
  if command -v docker >/dev/null; then
    within 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
  else
    [ -S "$socket" ] && curl --silent --fail --max-time 10 --unix-socket "$socket" http://engine/_ping >/dev/null 2>&1
  fi
}

# within SECONDS COMMAND...; macOS has no timeout command.
within() {
  if command -v timeout >/dev/null; then timeout "$@"; else "${@:2}"; fi
}

give_up() {
  echo "engine.sh: $1" >&2
  exit 1
}

case ${1:-start} in
  start) start ;;
  stop) stop ;;
  *) give_up "unknown command $1: start or stop" ;;
esac
