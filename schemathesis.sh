#!/usr/bin/env bash
# Asks a daemon of its own whatever /openapi.json allows and forbids, as nobody, as a buyer and as the organiser, and
# holds every answer against the description: no 5xx, no status, header, media type or shape that is not described, no
# bad input that is taken, no credential that is not looked at. The last lines count what was asked.
#
#   ./schemathesis.sh [EXAMPLES]   so many requests by chance for each operation and caller (10), beside one for each
#                                  bound of the description
#   ./schemathesis.sh prepare      only fetches the program from PyPI, which takes a python3 with venv
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

examples="${1:-10}"
if ! [[ $examples =~ ^([1-9][0-9]*|prepare)$ ]] || [ "$#" -gt 1 ]; then
    sed -n '2,/^set/s/^#$//p; 2,/^set/s/^# //p' "${BASH_SOURCE[0]}" >&2
    exit 2
fi

requirements=schemathesis/requirements.txt
venv="target/schemathesis-$(sha256sum $requirements | cut -c 1-12)"
if ! [ -e "$venv/complete" ]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r "$requirements"
    touch "$venv/complete"
fi
[ "$examples" != prepare ] || exit 0

cargo build --workspace --features tmd/drills --locked
folder="$(mktemp -d)"
tmd_pid=
clean_up() {
    if [ -n "$tmd_pid" ]; then kill -9 "$tmd_pid" 2>/dev/null || true; fi
    rm -rf "$folder"
}
trap clean_up EXIT

# The budgets of a buyer have tests of their own; here everything is asked by one.
TMD_OVERLOAD_PRINCIPAL_ORDERS_PER_MINUTE=1000000 TMD_OVERLOAD_PRINCIPAL_JOINS_PER_MINUTE=1000000 \
    TMD_WAITING_ROOM_JOINS_PER_MINUTE=1000000 TMD_WAITING_ROOM_POLLS_PER_SECOND=1000000 \
    target/debug/tmd --demo --data-dir "$folder/data" --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 \
    2>"$folder/log" >/dev/null &
tmd_pid=$!
url=
for _ in $(seq 600); do
    url=$(sed -n 's/.*"message":"ready","address":"\([^"]*\)".*/http:\/\/\1/p' "$folder/log")
    [ -z "$url" ] || break
    kill -0 "$tmd_pid" || { cat "$folder/log" >&2 && exit 1; }
    sleep 0.1
done

python3 schemathesis/known.py "$url" "$folder/data/organiser.token" "$folder"

passed=0
failed=0
for caller in anonymous buyer organiser; do
    printf '\n'
    cat "$folder/$caller.toml" schemathesis/schemathesis.toml >"$folder/schemathesis.toml"
    began=$SECONDS
    "$venv/bin/schemathesis" --config-file "$folder/schemathesis.toml" run "$folder/openapi.json" --url "$url" \
        --max-examples "$examples" --phases coverage,fuzzing --warnings off --no-color 2>&1 | tee "$folder/said" || true
    tested=$(sed -n 's/^ *Tested: *//p' "$folder/said")
    broken=$(sed -n 's/.*=== \([0-9]*\) failures\?.*/\1/p; s/.*=== \([0-9]*\) errors\?.*/\1/p' "$folder/said" | tail -n 1)
    cases=$(sed -n 's/^ *\([0-9]*\) generated.*/\1/p' "$folder/said")
    # A run that says nothing of itself is no run.
    [ -n "$tested" ] || { tested=1 && broken=1; }
    broken=${broken:-0}
    [ "$broken" -le "$tested" ] || broken=$tested
    passed=$((passed + tested - broken))
    failed=$((failed + broken))
    printf '%s: %s operations, %s requests, %s with faults, %s s\n' "$caller" "$tested" "${cases:-0}" "$broken" "$((SECONDS - began))"
done
if ! kill -0 "$tmd_pid" 2>/dev/null; then
    echo "the daemon is gone:" && tail "$folder/log"
    failed=$((failed + 1))
fi
# Panics are answered 500 and make no daemon end: the log tells.
if grep -E 'panicked|"level":"ERROR"' "$folder/log"; then failed=$((failed + 1)); fi
printf 'test result: %s. %s passed; %s failed\n' "$([ "$failed" -eq 0 ] && echo ok || echo FAILED)" "$passed" "$failed"
[ "$failed" -eq 0 ]
