#!/usr/bin/env bash
# Throws bytes at everything that reads what strangers write (fuzz/fuzz_targets/), guided by coverage, and says of each
# target how often it ran, what it covered and what broke. The last line counts the targets.
#
#   ./fuzz.sh                     every target for 60 s
#   ./fuzz.sh SECONDS [TARGET]    every target, or TARGET alone, for SECONDS
#
# What breaks a target is kept in fuzz/artifacts/TARGET: `cargo fuzz run -s none TARGET FILE` repeats it. What widens the
# coverage is added to fuzz/corpus/TARGET and not committed, but for the seeds.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit

usage() { sed -n '2,/^set/s/^#$//p; 2,/^set/s/^# //p' "${BASH_SOURCE[0]}" >&2 && exit 2; }
seconds="${1:-60}"
if ! [[ $seconds =~ ^[1-9][0-9]*$ ]] || [ "$#" -gt 2 ]; then usage; fi
if [ "$#" -eq 2 ]; then
    [ -f "fuzz/fuzz_targets/$2.rs" ] || usage
    targets=("$2")
else
    targets=(fuzz/fuzz_targets/*.rs)
    targets=("${targets[@]##*/}")
    targets=("${targets[@]%.rs}")
fi

cargo fuzz --version >/dev/null 2>&1 || cargo install --locked --version 0.13.2 cargo-fuzz || exit
# Nothing here is unsafe, so no sanitizer: it runs faster, and takes no other compiler than the project's.
cargo fuzz build -s none || exit

log="$(mktemp)"
trap 'rm -f "$log"' EXIT
passed=0
failed=0
for target in "${targets[@]}"; do
    if cargo fuzz run -s none "$target" -- -dict=fuzz/dictionaries/json.dict -max_total_time="$seconds" \
        -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 >"$log" 2>&1; then
        outcome=ok
        passed=$((passed + 1))
    else
        outcome=FAILED
        failed=$((failed + 1))
        # What it was given, as the target itself shows it, and where it is kept.
        grep -a -E -A 4 'panicked at|ERROR: libFuzzer|artifacts/' "$log" | tail -n 40
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    covered=$(grep -a -o 'cov: [0-9]*' "$log" | tail -n 1)
    printf '%-12s %-6s %12s runs, %s\n' "$target" "$outcome" "${runs:-0}" "${covered:-cov: 0}"
done
printf 'test result: %s. %s passed; %s failed\n' "$([ "$failed" -eq 0 ] && echo ok || echo FAILED)" "$passed" "$failed"
[ "$failed" -eq 0 ]
