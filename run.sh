#!/usr/bin/env bash
# Builds the ticket office, opens it with demo events, buys two seats, and leaves it open.
#
#   ./run.sh          build, open, buy, leave tmd running; run it again as often as you like
#   ./run.sh --once   the same on a data folder of its own, then stop tmd and exit 0
#   ./run.sh --full   with PostgreSQL and Redis, private ones on free ports: in containers where a container engine runs,
#                     else as processes; --full --once stops them too
#
#   PORT=9000 ./run.sh   listens there instead of on 8080; the operators' listener is one port further (ADMIN_PORT)
#   TMD_SERVER_DATA_DIR=folder ./run.sh   keeps everything there instead of in .data beside this script (.data/full)
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
port=${PORT:-8080}
admin_port=${ADMIN_PORT:-$((port + 1))}
url="http://127.0.0.1:$port"
once=false
full=false
started_pid=
started_services=false
data=

if [ -t 2 ]; then bold=$'\033[1m' plain=$'\033[0m'; else bold='' plain=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain" >&2; }
note() { printf '%s\n' "$*" >&2; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Stops a tmd and waits for its end. The first signal lets it finish what is in flight.
stop_tmd() {
  kill "$1" 2>/dev/null || return 0
  for _ in $(seq 300); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  return 1
}

# Whatever ends this script early, it leaves nothing behind that it started.
clean_up() {
  if [ -n "$started_pid" ]; then
    stop_tmd "$started_pid" || true
    rm -f "$data/run.pid"
  fi
  if $started_services; then stop_services || true; fi
  if $once && [ -n "$data" ]; then rm -rf "$data"; fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for argument in "$@"; do
  case "$argument" in
    --once) once=true ;;
    --full) full=true ;;
    -h | --help)
      sed -n '2,/^set/s/^#$//p; 2,/^set/s/^# //p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) fail "unknown argument '$argument'; usage: [PORT=8080] ./run.sh [--full] [--once]" ;;
  esac
done

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

check_toolchain() {
  local need have
  command -v cargo >/dev/null || fail "cargo is missing: install a Rust toolchain from https://rustup.rs"
  command -v cc >/dev/null || fail "cc is missing: install a C compiler (gcc or clang), SQLite is built from source"
  need=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$project/Cargo.toml")
  have=$(cd "$project" && rustc --version | sed 's/^rustc \([0-9.]*\).*/\1/') || fail "rustc does not run: repair the Rust toolchain, https://rustup.rs"
  if [ "$(printf '%s\n%s\n' "$need" "$have" | sort -V | head -n 1)" != "$need" ]; then
    fail "rustc $have is too old, $need or newer is needed: rustup update stable"
  fi
}

# PostgreSQL and Redis of the full profile: containers where an engine runs, else processes.
in_containers() { docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; }

compose() {
  # A project of its own for each data folder, with a password of its own.
  TMD_SERVICES_PASSWORD=$(<"$data/services/password") \
    docker compose -f "$project/docker-compose.yml" -p "tmd-$(printf '%s' "$data" | cksum | cut -d ' ' -f 1)" "$@"
}

# Where a service of a container listens on this host.
published() { compose port "$1" "$2" | head -n 1; }

start_services() {
  local password
  mkdir -p "$data/services"
  if [ -f "$data/services/password" ] || { [ ! -d "$data/services/postgres" ] && in_containers; }; then
    [ -f "$data/services/password" ] ||
      (umask 077 && od -An -N16 -tx1 /dev/urandom | tr -d ' \n' >"$data/services/password")
    compose ps --status running --services 2>/dev/null | grep -qx postgres || started_services=true
    compose up -d --wait postgres redis
    password=$(<"$data/services/password")
    postgres_url="postgres://tmd:$password@$(published postgres 5432)/tmd"
    redis_url="redis://:$password@$(published redis 6379)/0"
    return
  fi
  "$project/services.sh" status "$data/services" || started_services=true
  "$project/services.sh" start "$data/services"
  # shellcheck source=/dev/null
  . "$data/services/env"
  postgres_url=$TMD_TEST_POSTGRES_URL redis_url=$TMD_TEST_REDIS_URL
}

# With --once nothing of them is left.
stop_services() {
  if [ -f "$data/services/password" ]; then
    if $once; then compose down --volumes; else compose stop; fi
  elif $once; then
    "$project/services.sh" remove "$data/services"
  else
    "$project/services.sh" stop "$data/services"
  fi
}

# The tmd that an earlier run left on this data folder: sets earlier_pid and earlier_url, or answers no.
find_earlier() {
  [ -f "$data/run.pid" ] || return 1
  read -r earlier_pid earlier_url <"$data/run.pid" || return 1
  kill -0 "$earlier_pid" 2>/dev/null && "$bin/tmd" health --url "$earlier_url" >/dev/null 2>&1
}

open_office() {
  mkdir -p "$data"
  if find_earlier; then
    [ "$earlier_url" = "$url" ] || fail "an earlier run is open at $earlier_url on the same data: kill $earlier_pid, or set TMD_SERVER_DATA_DIR"
    if [ "$data/run.pid" -nt "$bin/tmd" ]; then
      tmd_pid=$earlier_pid
      note "the tmd of an earlier run is open there (pid $tmd_pid): it is used as it is"
      return
    fi
    note "the tmd of an earlier run (pid $earlier_pid) is older than this build: it is restarted on its data"
    stop_tmd "$earlier_pid" || fail "the earlier tmd (pid $earlier_pid) does not end"
  fi
  if "$bin/tmd" health --url "$url" >/dev/null 2>&1; then fail "another tmd is open at $url: stop it, or PORT=9000 ${BASH_SOURCE[0]}"; fi
  if listens "$port"; then fail "port $port is taken by another program: PORT=9000 ${BASH_SOURCE[0]} uses another"; fi
  if listens "$admin_port"; then fail "port $admin_port is taken by another program: ADMIN_PORT=9001 ${BASH_SOURCE[0]} uses another"; fi
  local settings=()
  if $full; then
    start_services
    settings=(TMD_STORE_BACKEND=postgres "TMD_STORE_URL=$postgres_url" "TMD_REDIS_URL=$redis_url")
  fi
  # Lives on when the terminal is closed.
  nohup env "${settings[@]}" "$bin/tmd" --demo --data-dir "$data" --listen "127.0.0.1:$port" --admin-listen "127.0.0.1:$admin_port" \
    </dev/null >"$data/tmd.log" 2>&1 &
  tmd_pid=$!
  started_pid=$tmd_pid
  echo "$tmd_pid $url" >"$data/run.pid"
  for _ in $(seq 150); do
    "$bin/tmd" health --url "$url" >/dev/null 2>&1 && return
    kill -0 "$tmd_pid" 2>/dev/null || fail "tmd did not start: $(tail -n 1 "$data/tmd.log")"
    sleep 0.1
  done
  fail "tmd is not ready after 15 seconds: $(tail -n 1 "$data/tmd.log")"
}

run() {
  say "\$ tmctl $*"
  "$bin/tmctl" "$@"
}

buy() {
  run events
  run join E1
  run wait
  run seats E1
  run order E1
  run confirm --best 2 --payment-token tok_ok
  run finalize
  run tickets --qr -o table
}

check_toolchain
say "1. build"
(cd "$project" && cargo build --workspace)
bin=$(cd "$project" && cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug

say "2. open the office at $url"
if $once; then
  data=$(mktemp -d)
else
  default=$project/.data
  if $full; then default+=/full; fi
  data=${TMD_SERVER_DATA_DIR:-$default}
  case "$data" in /*) ;; *) data=$PWD/$data ;; esac
fi
open_office

say "3. buy two seats"
# tmctl finds the organiser's token in the data folder. Each run is a new buyer: a buyer may have eight seats of an event.
export TM_URL=$url TMD_SERVER_DATA_DIR=$data TM_HOME="$data/buyers/$$"
buy

if $once; then
  say "Done: two seats sold, two tickets issued; tmd is stopped."
  exit 0
fi

closing="kill $tmd_pid"
if [ -f "$data/services/password" ]; then
  closing+=", and the containers of PostgreSQL and Redis"
elif $full; then
  closing+="; '$project/services.sh' stop '$data/services'"
fi
cat >"$data/env" <<ENV
export TM_URL='$TM_URL' TMD_SERVER_DATA_DIR='$TMD_SERVER_DATA_DIR' TM_HOME='$TM_HOME' PATH='$bin':"\$PATH"
ENV
started_pid=
started_services=false
say "The office is open at $url. Next, paste any of these:"
cat >&2 <<NEXT
  source '$data/env'
  tmtui                                             the same in screens: pick seats on a live map
  tmctl book E4 --best 2 --payment-token tok_ok     all steps in one, without a waiting room
  tmctl book E2 --best 4 --payment-token tok_slow   a slow card, in the arena of 18,239 seats
  tmctl sale status E1                              how the sale is going, for its organiser
  tmctl help tutorial                               every step explained
The log is $data/tmd.log. To close the office:
  $closing
NEXT
