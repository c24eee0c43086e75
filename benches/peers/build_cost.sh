#!/usr/bin/env bash
# Compares the processor time of cold release builds, in turns: core with the data API and without it, and the crates
# that any core would need.
# Takes the number of rounds; three without it.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
rounds=${1:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

project() { # name, then dependency lines
  mkdir -p "$work/$1/src"
  : > "$work/$1/src/lib.rs"
  # The same versions as everywhere else.
  cp "$root/Cargo.lock" "$work/$1/Cargo.lock"
  {
    printf '[workspace]\n[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\n' "$1"
    printf '%s\n' "${@:2}"
  } > "$work/$1/Cargo.toml"
  (cd "$work/$1" && cargo fetch --quiet)
}

project bare 'serde = { version = "1", features = ["derive"] }' 'serde_json = "1"' 'http = "1"' 'thiserror = "2"'
project core "humanapi-core = { path = \"$root/crates/humanapi-core\" }"
project tokens "humanapi-core = { path = \"$root/crates/humanapi-core\", default-features = false }"

# Processor time, because a build shares the machine: it moves less than the time by the clock.
seconds() { # name
  rm -rf "$work/target"
  local TIMEFORMAT='%U %S'
  { time (cd "$work/$1" && CARGO_TARGET_DIR="$work/target" cargo build --quiet --release --offline >/dev/null); } 2>&1 |
    tail -n 1 | awk '{ print $1 + $2 }'
}

for project in bare core tokens; do
  (cd "$work/$project" && printf '%-6s %s crates\n' "$project" "$(cargo tree --offline --prefix none --edges normal --no-dedupe | awk '{ print $1 }' | sort -u | grep -cvx "$project")")
done
for _ in $(seq "$rounds"); do
  bare=$(seconds bare)
  core=$(seconds core)
  tokens=$(seconds tokens)
  awk -v bare="$bare" -v core="$core" -v tokens="$tokens" 'BEGIN {
    printf "bare %5.1f s   core %5.1f s   %.2f times   without the data API %5.1f s   %.2f times\n", bare, core, core / bare, tokens, tokens / bare
  }'
done
