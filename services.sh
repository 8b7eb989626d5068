#!/usr/bin/env bash
# A private PostgreSQL and a private Redis on free ports of 127.0.0.1, for tests and for `./run.sh --full`.
#
#   ./services.sh start FOLDER   starts both with their data in FOLDER, waits until they answer, and writes FOLDER/env,
#                                which exports TMD_TEST_POSTGRES_URL and TMD_TEST_REDIS_URL; again: goes on with both
#   ./services.sh stop FOLDER    stops what was started there, and nothing else; the data stays
#   ./services.sh remove FOLDER  stops it, and removes the data too
#   ./services.sh status FOLDER  exit code 0 when both run
#
# Programs that are missing are installed where this is root and there is apt-get; no service of the system is started.
set -euo pipefail

note() { printf '%s\n' "$*" >&2; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
usage() {
  sed -n '2,/^set/s/^#$//p; 2,/^set/s/^# //p' "${BASH_SOURCE[0]}" >&2
  exit 2
}
is_root() { [ "$(id -u)" -eq 0 ]; }

# Where a program of PostgreSQL is: in PATH, or where Debian puts it.
find_program() {
  local found
  found=$(command -v "$1" 2>/dev/null) && { printf '%s\n' "$found"; return; }
  found=$(compgen -G "/usr/lib/postgresql/*/bin/$1" | sort -V | tail -n 1) && [ -n "$found" ] && printf '%s\n' "$found"
}

missing_packages() {
  find_program initdb >/dev/null && find_program pg_ctl >/dev/null && find_program createdb >/dev/null || echo postgresql
  command -v redis-server >/dev/null || echo redis-server
}

# Packages start their service when they are installed, unless the policy says no.
policy=/usr/sbin/policy-rc.d
own_policy=no
forbid_services() {
  if [ -e "$policy" ]; then
    local answer=0
    "$policy" redis-server start >/dev/null 2>&1 || answer=$?
    [ "$answer" -eq 101 ] && return
    dpkg-divert --quiet --local --rename --add "$policy"
  fi
  own_policy=yes
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}
allow_services() {
  [ "$own_policy" = yes ] || return 0
  rm -f "$policy"
  dpkg-divert --quiet --local --rename --remove "$policy" >/dev/null 2>&1 || true
  own_policy=no
}

install_missing() {
  local packages
  mapfile -t packages < <(missing_packages)
  [ "${#packages[@]}" -gt 0 ] || return 0
  if ! is_root || ! command -v apt-get >/dev/null; then
    fail "missing here: ${packages[*]}; install them (Debian: apt-get install ${packages[*]}), their services need not run"
  fi
  note "installing ${packages[*]}; no service of the system is started"
  trap allow_services EXIT
  forbid_services
  apt-get update -q >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${packages[@]}" >&2
  allow_services
  mapfile -t packages < <(missing_packages)
  [ "${#packages[@]}" -eq 0 ] || fail "still missing after their installation: ${packages[*]}"
}

# PostgreSQL refuses to run as root, so neither service does.
user=
choose_user() {
  is_root || return 0
  command -v setpriv >/dev/null || fail "setpriv is missing (util-linux): as root it is needed to run the services as another user"
  for user in postgres nobody; do
    id "$user" >/dev/null 2>&1 && return
  done
  fail "neither the user postgres nor nobody is there to run the services"
}
as_user() {
  if [ -n "$user" ]; then
    setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups -- "$@"
  else
    "$@"
  fi
}

# Sets `place`, where the data is: in the folder, or elsewhere when the user of the services cannot get there.
place=
find_place() {
  place=$folder
  if [ -f "$folder/elsewhere" ]; then
    place=$(<"$folder/elsewhere")
  elif [ -n "$user" ]; then
    chmod o+x "$folder"
    if ! (cd / && as_user test -x "$folder"); then
      place=$(mktemp -d /var/tmp/tmd-services.XXXXXX)
      chmod o+x "$place"
      echo "$place" >"$folder/elsewhere"
      note "the user $user cannot get to $folder: the data is in $place"
    fi
  fi
  for name in postgres redis; do
    mkdir -p "$place/$name"
    chmod 700 "$place/$name"
    [ -z "$user" ] || chown "$user:" "$place/$name"
  done
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
  local port
  for _ in $(seq 100); do
    port=$((RANDOM % 20000 + 20000))
    listens "$port" || { echo "$port"; return; }
  done
  fail "no free port was found"
}

secret() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# Writes a file of the services' user.
write() { (umask 077 && as_user tee "$1" >/dev/null); }

start_postgres() {
  local data="$place/postgres/data" config="$place/postgres/data/private.conf"
  if [ ! -f "$data/PG_VERSION" ]; then
    local password
    password=$(secret)
    printf '%s\n' "$password" | write "$place/postgres/password"
    as_user "$(find_program initdb)" -D "$data" -U tmd -E UTF8 --locale=C --auth=scram-sha-256 \
      --pwfile="$place/postgres/password" >"$folder/initdb.log" 2>&1 || fail "initdb failed: $(tail -n 2 "$folder/initdb.log")"
    printf "include = 'private.conf'\n" | as_user tee -a "$data/postgresql.conf" >/dev/null
  fi
  for _ in 1 2 3; do
    postgres_port=$(free_port)
    printf "port = %s\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 300\n" \
      "$postgres_port" | write "$config"
    if as_user "$(find_program pg_ctl)" -D "$data" -l "$place/postgres/log" -w -t 60 start >/dev/null 2>&1; then
      PGPASSWORD=$(<"$place/postgres/password")
      export PGPASSWORD
      PGCONNECT_TIMEOUT=10 "$(find_program createdb)" -h 127.0.0.1 -p "$postgres_port" -U tmd tmd >/dev/null 2>&1 || true
      return
    fi
  done
  fail "PostgreSQL did not start: $(tail -n 2 "$place/postgres/log")"
}

start_redis() {
  local config="$place/redis/redis.conf"
  [ -f "$place/redis/password" ] || secret | write "$place/redis/password"
  for _ in 1 2 3; do
    redis_port=$(free_port)
    write "$config" <<CONF
bind 127.0.0.1
port $redis_port
requirepass $(<"$place/redis/password")
dir $place/redis
pidfile $place/redis/pid
logfile $place/redis/log
daemonize yes
save ""
appendonly no
CONF
    as_user redis-server "$config" >/dev/null 2>&1 || continue
    for _ in $(seq 100); do
      redis_answers && return
      sleep 0.05
    done
  done
  fail "Redis did not start: $(tail -n 2 "$place/redis/log")"
}

redis_answers() {
  local answer
  exec 3<>"/dev/tcp/127.0.0.1/$redis_port" || return 1
  printf 'AUTH %s\r\nPING\r\n' "$(<"$place/redis/password")" >&3
  read -r -t 1 answer <&3 && read -r -t 1 answer <&3
  exec 3>&-
  [ "${answer%$'\r'}" = +PONG ]
} 2>/dev/null

# The process that a service wrote down, if it is there and works in its folder.
running() {
  local pid
  [ -f "$1" ] && read -r pid <"$1" && kill -0 "$pid" 2>/dev/null || return 1
  [ ! -d "/proc/$pid" ] || [ "$(readlink "/proc/$pid/cwd")" = "$2" ] || return 1
  echo "$pid"
}
postgres_pid() { running "$place/postgres/data/postmaster.pid" "$place/postgres/data"; }
redis_pid() { running "$place/redis/pid" "$place/redis"; }

write_env() {
  local postgres redis
  postgres="postgres://tmd:$(<"$place/postgres/password")@127.0.0.1:$postgres_port/tmd"
  redis="redis://:$(<"$place/redis/password")@127.0.0.1:$redis_port/0"
  (umask 077 && printf "export TMD_TEST_POSTGRES_URL='%s' TMD_TEST_REDIS_URL='%s'\n" "$postgres" "$redis" >"$folder/env")
}

start() {
  install_missing
  choose_user
  find_place
  # What was started by an earlier call goes on; half of it is not enough.
  if status; then
    note "PostgreSQL and Redis run already in $folder"
    return
  fi
  stop_both
  # From its own folder: the caller's may be closed to the services' user.
  cd "$place"
  start_postgres
  start_redis
  write_env
  note "PostgreSQL on port $postgres_port, Redis on port $redis_port; source $folder/env"
}

# Sends each signal in turn until the process is gone.
end() {
  local pid=$1 signal
  shift
  for signal in "$@"; do
    kill "-$signal" "$pid" 2>/dev/null || return 0
    # A process that was stopped hears nothing before it goes on.
    kill -CONT "$pid" 2>/dev/null || return 0
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || return 0
      sleep 0.1
    done
  done
}

stop_both() {
  local pid
  if pid=$(redis_pid); then end "$pid" TERM KILL; fi
  # SIGINT is PostgreSQL's fast shutdown: sessions are ended, what was committed is on the disk.
  if pid=$(postgres_pid); then end "$pid" INT QUIT; fi
  rm -f "$folder/env"
}

look_up_place() {
  place=$folder
  [ ! -f "$folder/elsewhere" ] || place=$(<"$folder/elsewhere")
}

stop() {
  look_up_place
  stop_both
}

remove() {
  stop
  rm -rf "$place/postgres" "$place/redis"
  [ "$place" = "$folder" ] || rmdir "$place"
  rm -f "$folder/elsewhere" "$folder/initdb.log"
}

status() {
  look_up_place
  [ -f "$folder/env" ] && postgres_pid >/dev/null && redis_pid >/dev/null
}

[ $# -eq 2 ] || usage
case "$1" in
  start) mkdir -p "$2" ;;
  stop | remove) [ -d "$2" ] || exit 0 ;;
  status) [ -d "$2" ] || exit 1 ;;
  *) usage ;;
esac
folder=$(cd "$2" && pwd -P)
"$1"
