#!/usr/bin/env bash
# The study of outputs/published/matrix, for the architectures of experiments/matrix.toml. First the
# search of the recipe, the same for each, on uniform data of about 1.7 times the expected capacity;
# what it found is in the file. Then the matrix. Then the capacity of each on uniform data, with eight
# times the steps; last, the sources of rules with four times the steps.
#
# BITCAP is the program, `cargo run --release --` unless given; arguments go to every sweep.
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra bitcap <<<"${BITCAP:-cargo run --release --quiet --}"
rules='grid.source=['
rules+='{ kind = "linear", length = 16, inputs = 8, outputs = 8 }, '
rules+='{ kind = "parity", inputs = 10, subset = 3 }, '
rules+='{ kind = "addition", base = 4, digits = 4 }, '
rules+='{ kind = "copying", vocabulary = 9, string_length = 7 }]'
uniform='grid.source=[{ kind = "uniform", vocabulary = 8, length = 16 }]'

"${bitcap[@]}" sweep experiments/matrix.toml --set name=matrix-search --set "$uniform" \
    --set 'grid.data.samples=[512]' --set 'grid.seed=[0, 1]' \
    --set 'grid.train.optimizer=["adam", "soap"]' \
    --set 'grid.train.learning_rate=[0.003, 0.01, 0.03, 0.1]' "$@"
"${bitcap[@]}" sweep experiments/matrix.toml "$@"
"${bitcap[@]}" sweep experiments/matrix.toml --set name=matrix-capacity --set "$uniform" \
    --set 'grid.data.samples=[1024]' --set train.steps=4000 "$@"
"${bitcap[@]}" sweep experiments/matrix.toml --set name=matrix-longer --set "$rules" \
    --set 'grid.data.samples=[4096]' --set train.steps=2000 "$@"
