#!/usr/bin/env bash
# The study of outputs/published/matrix: the same search of the recipe for each architecture of
# experiments/matrix.toml, on uniform data of about 1.7 times the expected capacity.
#
# BITCAP is the program, `cargo run --release --` unless given; arguments go to it.
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra bitcap <<<"${BITCAP:-cargo run --release --quiet --}"

"${bitcap[@]}" sweep experiments/matrix.toml \
    --set name=matrix-search \
    --set 'grid.source=[{ kind = "uniform", vocabulary = 8, length = 16 }]' \
    --set 'grid.data.samples=[512]' \
    --set 'grid.train.optimizer=["adam", "soap"]' \
    --set 'grid.train.learning_rate=[0.003, 0.01, 0.03, 0.1]' \
    --set 'grid.seed=[0, 1]' "$@"
