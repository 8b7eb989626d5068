#!/usr/bin/env bash
# Builds the ticket office, opens it with demo events, buys two seats, and leaves it running.
#   ./run.sh            leave tmd running; PORT=9000 moves it
#   ./run.sh --once     the same, then stop tmd and exit
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
port=${PORT:-8080}
admin_port=${ADMIN_PORT:-$((port + 1))}
url="http://127.0.0.1:$port"
once=false
tmd_pid=

say() { printf '\n\033[1m%s\033[0m\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

case "${1:-}" in
  '') ;;
  --once) once=true ;;
  *) fail "unknown argument '$1'; usage: [PORT=8080] ./run.sh [--once]" ;;
esac
command -v cargo >/dev/null || fail "cargo is missing: install a Rust toolchain, 1.95 or newer, from https://rustup.rs"
command -v cc >/dev/null || fail "a C compiler (cc) is missing: SQLite is built from source"

if $once; then
  data=$(mktemp -d)
  export TM_HOME="$data/tmctl"
else
  data=${TMD_DATA:-$project/.data}
fi
# tmctl on this host finds the organiser's token in the data folder.
export TM_URL=$url TMD_SERVER_DATA_DIR=$data

stop() {
  if [ -n "$tmd_pid" ] && kill -0 "$tmd_pid" 2>/dev/null; then
    kill "$tmd_pid"
    wait "$tmd_pid" || true
  fi
  if $once; then rm -rf "$data"; fi
}
# Whatever goes wrong, nothing is left behind; a success takes the trap away.
trap stop EXIT
trap 'exit 130' INT TERM

say "1. build"
(cd "$project" && cargo build --workspace)
bin=$(cd "$project" && cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug
tmctl="$bin/tmctl"

run() { printf '\n\033[1m$ tmctl %s\033[0m\n' "$*" >&2; "$tmctl" "$@"; }

say "2. open the office at $url"
if "$bin/tmd" health --url "$url" >/dev/null 2>&1; then
  $once && fail "port $port is taken by a running tmd; stop it, or choose another with PORT=9000 ./run.sh --once"
  echo "a tmd is running there already: it is used as it is" >&2
else
  mkdir -p "$data"
  "$bin/tmd" --demo --data-dir "$data" --listen "127.0.0.1:$port" --admin-listen "127.0.0.1:$admin_port" \
    >"$data/tmd.log" 2>&1 &
  tmd_pid=$!
  for _ in $(seq 100); do
    "$bin/tmd" health --url "$url" >/dev/null 2>&1 && break
    kill -0 "$tmd_pid" 2>/dev/null || fail "tmd did not start: $(tail -n 1 "$data/tmd.log")"
    sleep 0.1
  done
fi

say "3. buy two seats"
run events
run join E1
run wait
run seats E1
run order E1
run confirm --best 2 --payment-token tok_ok
run finalize
run tickets --qr -o table

if $once; then
  say "Done: two seats sold, two tickets issued."
  exit 0
fi
trap - EXIT INT TERM
say "The office stays open at $url (pid ${tmd_pid:-of the tmd that was running}; log: $data/tmd.log). Next:"
cat >&2 <<EOF
  export TM_URL=$url TMD_SERVER_DATA_DIR=$data PATH=$bin:\$PATH
  tmctl book E4 --best 2 --payment-token tok_ok     all steps in one, no waiting room
  tmctl join E2 && tmctl wait                       a place in line for the arena
  tmctl sale status E1                              how the sale is going, for its organiser
  tmctl help tutorial                               every step explained
EOF
if [ -n "$tmd_pid" ]; then echo "  kill $tmd_pid                                     closes the office" >&2; fi
