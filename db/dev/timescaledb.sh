#!/usr/bin/env bash
# A real TimescaleDB for tests, from Debian's packages in a chroot. Usage: timescaledb.sh start|stop|url
#
# start  makes the chroot (once, about a minute and 0.7 GB) and a fresh, empty server on a free loopback port;
#        prints its address as the last line. When one is running already, prints that one's.
# stop   ends the server and takes the mounts away; the chroot stays for the next time.
# url    prints the address of the running server.
#
# Needs root on Linux and the package debootstrap. XDG_CACHE_HOME moves the cache, DEBIAN_MIRROR names a mirror
# where the machine's own apt configuration has none for Debian.
set -euo pipefail

SUITE=trixie
MAJOR=17
CACHE=${XDG_CACHE_HOME:-/var/cache}/ops-center-edge
ROOT=$CACHE/timescaledb
URL_FILE=$CACHE/timescaledb.url
BIN=/usr/lib/postgresql/$MAJOR/bin
# Inside the chroot.
DATA=/srv/edge-test

fail() {
  echo "timescaledb.sh: $1" >&2
  exit 1
}

as_postgres() { chroot --userspec=postgres:postgres "$ROOT" "$@"; }

is_running() { [ -s "$URL_FILE" ] && as_postgres "$BIN/pg_ctl" -D "$DATA" status >/dev/null 2>&1; }

# The mirror that apt itself uses, so that no host name stands here.
find_mirror() {
  if [ -n "${DEBIAN_MIRROR:-}" ]; then
    echo "$DEBIAN_MIRROR"
    return
  fi
  command -v apt-get >/dev/null || return 0
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -E '/debian/?$' | sort -u | head -n 1 || true
}

make_root() {
  [ -x "$ROOT$BIN/postgres" ] && return
  command -v debootstrap >/dev/null || fail "debootstrap is missing; run: apt-get install debootstrap"
  local mirror proxy
  mirror=$(find_mirror)
  [ -n "$mirror" ] || fail "apt on this machine knows no Debian mirror; set DEBIAN_MIRROR"
  proxy=$(apt-config dump --format '%v' Acquire::http::Proxy 2>/dev/null || true)
  if [ -n "$proxy" ] && [ -z "${http_proxy:-}" ]; then export http_proxy=$proxy; fi
  echo "timescaledb.sh: installing Debian $SUITE with TimescaleDB into $ROOT (about a minute)" >&2
  rm -rf --one-file-system "$ROOT.new"
  debootstrap --variant=minbase \
    --include="postgresql-$MAJOR,postgresql-$MAJOR-timescaledb" "$SUITE" "$ROOT.new" "$mirror" \
    >"$CACHE/debootstrap.log" 2>&1 9>&- ||
    fail "debootstrap failed, most likely for want of a network; its last words: $(tail -n 1 "$CACHE/debootstrap.log")"
  # Whole or not at all: an interrupted installation is made again.
  rm -rf --one-file-system "$ROOT"
  mv "$ROOT.new" "$ROOT"
}

mount_once() { # type, folder in the chroot
  mountpoint -q "$ROOT$2" || mount -t "$1" "$1" "$ROOT$2" ||
    fail "cannot mount $1 on $ROOT$2; a container needs the capability SYS_ADMIN for this"
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
}

start() {
  mkdir -p "$CACHE"
  exec 9>"$CACHE/timescaledb.lock"
  flock 9
  if is_running; then
    cat "$URL_FILE"
    return
  fi
  make_root
  mount_once proc /proc
  mkdir -p "$ROOT/dev/shm"
  mount_once tmpfs /dev/shm
  chmod 1777 "$ROOT/dev/shm"

  local port password
  port=$(free_port)
  password=$(od -An -N18 -tx1 /dev/urandom | tr -d ' \n')
  rm -rf --one-file-system "$ROOT$DATA"
  mkdir -p "$ROOT$DATA"
  (umask 077 && echo "$password" >"$ROOT$DATA.password")
  chroot "$ROOT" chown postgres:postgres "$DATA" "$DATA.password"
  as_postgres "$BIN/initdb" -D "$DATA" -U edge --pwfile="$DATA.password" --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null || fail "initdb failed"
  # Nothing in a test server has to survive a power cut. Each database with the extension keeps a scheduler of
  # TimescaleDB connected, which would be in the way of copying and dropping databases: no background workers.
  cat >>"$ROOT$DATA/postgresql.conf" <<-CONF
	listen_addresses = '127.0.0.1'
	port = $port
	unix_socket_directories = ''
	shared_preload_libraries = 'timescaledb'
	timescaledb.telemetry_level = off
	timescaledb.max_background_workers = 0
	max_connections = 200
	max_locks_per_transaction = 256
	fsync = off
	full_page_writes = off
	synchronous_commit = off
	timezone = 'UTC'
	log_min_messages = 'error'
	CONF
  # Descriptor 9 is the lock; the server must not inherit it.
  as_postgres "$BIN/pg_ctl" -D "$DATA" -l "$DATA/server.log" -w start >/dev/null 9>&- ||
    fail "the server does not start: $(tail -n 1 "$ROOT$DATA/server.log")"
  (umask 077 && echo "postgres://edge:$password@127.0.0.1:$port/postgres" >"$URL_FILE")
  cat "$URL_FILE"
}

stop() {
  if is_running; then as_postgres "$BIN/pg_ctl" -D "$DATA" -m fast -w stop >&2; fi
  rm -f "$URL_FILE"
  for folder in /dev/shm /proc; do
    if mountpoint -q "$ROOT$folder"; then umount "$ROOT$folder"; fi
  done
}

[ "$(uname -s)" = Linux ] || fail "needs Linux"
[ "$(id -u)" = 0 ] || fail "needs root, for debootstrap and chroot; the tests run without it on plain PostgreSQL"
case "${1:-}" in
  start) start ;;
  stop) stop ;;
  url) if is_running; then cat "$URL_FILE"; else fail "no server is running; start one first"; fi ;;
  *) fail "usage: timescaledb.sh start|stop|url" ;;
esac
