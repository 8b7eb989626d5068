#!/usr/bin/env bash
# Everything that has to hold before a change goes in, tier by tier. The last line is `N passed, N failed`; the exit
# code is 0 only when every tier passed and at least one test ran. A tier that fails without naming a failed test
# (formatting, lints, a test that does not compile) counts as one failure.
#
# --long  also what takes half an hour: every test card at every crash point, outages of a minute, more of whatever the
#         API's description allows, every fuzz target for a minute
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit

is_long=no
case "${1:-}" in
    "") ;;
    --long) is_long=yes ;;
    *) echo "usage: ./test.sh [--long]" >&2 && exit 2 ;;
esac

export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"
log="$(mktemp)"
services="$(mktemp -d)"
clean_up() {
    ./services.sh remove "$services"
    rm -rf "$log" "$services"
}
trap clean_up EXIT

passed=0
failed=0
broken=()

# Adds up a runner's own summary lines in $log: nextest's `Summary`, libtest's `test result:`.
count() {
    sed 's/\x1b\[[0-9;]*m//g' "$log" | awk '
        /^ *Summary \[/ || /^test result:/ {
            gsub(/[,;:.]/, " ")
            for (i = 2; i <= NF; i++) {
                if ($i == "passed") passed += $(i - 1)
                if ($i == "failed" || $i == "timed" || $i == "exec") failed += $(i - 1)
            }
        }
        END { print passed + 0, failed + 0 }'
}

# tier NAME COMMAND...: runs one tier under a banner and adds what it counted.
tier() {
    local name="$1" status new_passed new_failed
    shift
    printf '\n==== %s: %s\n' "$name" "$*"
    local began=$SECONDS
    "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    read -r new_passed new_failed < <(count)
    if [ "$status" -ne 0 ]; then
        broken+=("$name")
        [ "$new_failed" -gt 0 ] || new_failed=1
    fi
    passed=$((passed + new_passed))
    failed=$((failed + new_failed))
    printf -- '---- %s: %s in %s s\n' "$name" "$([ "$status" -eq 0 ] && echo ok || echo FAILED)" "$((SECONDS - began))"
}

# A build machine gets what some tests need and leaves nothing out. Elsewhere they say themselves what they lack.
is_ci() { [ -n "${CI:-}" ]; }
needed=()
command -v shellcheck >/dev/null || needed+=(shellcheck)
compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || needed+=(libfaketime)
command -v curl >/dev/null || needed+=(curl)
command -v python3 >/dev/null && python3 -c 'import ensurepip, venv' 2>/dev/null || needed+=(python3-venv)
command -v unshare >/dev/null && command -v nsenter >/dev/null && command -v setpriv >/dev/null || needed+=(util-linux)
if [ "${#needed[@]}" -gt 0 ]; then
    if is_ci && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        tier "tools" sh -c 'apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"' sh "${needed[@]}"
    else
        printf 'not here, so some tests are left out: %s\n' "${needed[*]}"
    fi
fi

if command -v shellcheck >/dev/null || is_ci; then
    tier "scripts" shellcheck run.sh test.sh services.sh schemathesis.sh fuzz.sh .ci/run
else
    printf '\n==== scripts: left out, shellcheck is not installed\n'
fi
tier "format" cargo fmt --all --check
tier "format of the fuzz targets" cargo fmt --manifest-path fuzz/Cargo.toml --check
tier "lints" cargo clippy --workspace --all-targets --locked -- -D warnings
# The crash points and mutants that the tests need are compiled into no release.
drills=(--features tmd/drills)
tier "lints of the drills" cargo clippy --workspace --all-targets "${drills[@]}" --locked -- -D warnings
RUSTDOCFLAGS="-D warnings" tier "documentation" cargo doc --workspace --no-deps --locked
printf '\n==== services: a PostgreSQL and a Redis of our own\n'
if ./services.sh start "$services"; then
    # shellcheck source=/dev/null
    . "$services/env"
elif is_ci; then
    tier "services" false
else
    printf 'not to be had, so the tests that need them are left out\n'
fi
# daemons NAME STORE HINTS WHICH: the tests of `it` with every daemon on that store, telling others through those hints.
daemons() {
    local name="$1" store="$2" hints="$3" which="$4"
    tier "$name" env TMD_TEST_STORE="$store" TMD_TEST_HINTS="$hints" cargo nextest run --workspace "${drills[@]}" \
        --locked --no-fail-fast --status-level fail --final-status-level fail -E "binary(it) & $which"
}
if cargo nextest --version >/dev/null 2>&1; then
    # nextest runs no examples of the documentation; cargo does.
    tier "tests: SQLite, nothing shared" cargo nextest run --workspace "${drills[@]}" --locked --no-fail-fast --status-level fail --final-status-level fail
    # The same daemons on the other store, without Redis and with it. Left out is what asks neither: `openapi`, what
    # connections may do, `mutant`, which runs others of these tests, and what starts the program on a file of its own.
    if [ -n "${TMD_TEST_POSTGRES_URL:-}" ] && [ -n "${TMD_TEST_REDIS_URL:-}" ]; then
        if [ "$is_long" = yes ]; then
            amount="all that can run there"
            decided='not test(/^(mutant|openapi|secret|overload::(connection|cost|queue|shutdown))::/)'
            decided+=' & not test(d1_killed_at_any_moment_it_keeps_every_place_and_every_order)'
            told="$decided"
        else
            amount="what it decides; --long for all"
            decided='test(/^(callback|idempotency|order|payment|purchase|race|reconcile|refund|seat)::/)'
            told='test(/^(availability|catalog|crowd|reader|shared|stream|waiting_room)::/)'
        fi
        daemons "tests: PostgreSQL, nothing shared ($amount)" postgres memory "$decided"
        daemons "tests: PostgreSQL and Redis (${amount/decides/tells})" postgres redis "$told"
    fi
    tier "examples" cargo test --workspace --locked --doc --no-fail-fast
else
    tier "tests" cargo test --workspace "${drills[@]}" --locked --no-fail-fast
fi
# What the description allows and forbids is asked of a daemon from outside.
if is_ci || ./schemathesis.sh prepare; then
    tier "description of the API" ./schemathesis.sh "$([ "$is_long" = yes ] && echo 50 || echo 4)"
else
    printf '\n==== description of the API: left out, it takes a python3 with venv, and PyPI\n'
fi
if [ "$is_long" = yes ]; then
    tier "fuzzing" ./fuzz.sh 60
    tier "every card at every crash point" cargo test --workspace "${drills[@]}" --locked --test drills -- --ignored
    tier "long outages" cargo test --workspace "${drills[@]}" --locked --test cluster -- --ignored --test-threads 1
fi
if cargo deny --version >/dev/null 2>&1; then
    # Advisories change with the day, not with the code: `cargo deny check advisories` is for whoever releases.
    tier "dependencies" cargo deny --offline --locked --all-features check bans licenses sources
else
    printf '\n==== dependencies: left out, cargo-deny is not installed\n'
fi

if [ "$((passed + failed))" -eq 0 ]; then
    broken+=("no test ran")
    failed=1
fi
printf '\n'
[ "${#broken[@]}" -eq 0 ] || printf 'failed: %s\n' "$(IFS=,; echo "${broken[*]}")"
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "${#broken[@]}" -eq 0 ]
