#!/usr/bin/env bash
# The study of outputs/published/matrix, for the architectures of experiments/matrix.toml. First the
# search of the recipe, the same for each, on uniform data of about 1.7 times the expected capacity;
# what it found is in the file. Then the matrix, of 4,000 parameters, and the same of 1,000 and of 9,000.
# Then the capacity of each on uniform data, with eight times the steps; last, the sources of rules with
# four times the steps.
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
# Of uniform data 1,054 to 1,224 and 8,658 to 9,039 parameters.
of_1k='grid.model=['
of_1k+='{ kind = "gpt2", width = 6, heads = 2 }, '
of_1k+='{ kind = "llama", width = 6, heads = 3, mlp_width = 22 }, '
of_1k+='{ kind = "lstm", width = 8 }, '
of_1k+='{ kind = "gru", width = 9 }, '
of_1k+='{ kind = "mlp", width = 6 }, '
of_1k+='{ kind = "mamba", width = 6, state = 6 }, '
of_1k+='{ kind = "moe", width = 6, heads = 3, mlp_width = 5, experts = 4 }]'
of_9k='grid.model=['
of_9k+='{ kind = "gpt2", width = 18, heads = 6 }, '
of_9k+='{ kind = "llama", width = 20, heads = 5, mlp_width = 44 }, '
of_9k+='{ kind = "lstm", width = 23 }, '
of_9k+='{ kind = "gru", width = 26 }, '
of_9k+='{ kind = "mlp", width = 22 }, '
of_9k+='{ kind = "mamba", width = 20, state = 12 }, '
of_9k+='{ kind = "moe", width = 20, heads = 5, mlp_width = 11, experts = 4 }]'
uniform='grid.source=[{ kind = "uniform", vocabulary = 8, length = 16 }]'

"${bitcap[@]}" sweep experiments/matrix.toml --set name=matrix-search --set "$uniform" \
    --set 'grid.data.samples=[512]' --set 'grid.seed=[0, 1]' \
    --set 'grid.train.optimizer=["adam", "soap"]' \
    --set 'grid.train.learning_rate=[0.003, 0.01, 0.03, 0.1]' "$@"
"${bitcap[@]}" sweep experiments/matrix.toml "$@"
"${bitcap[@]}" sweep experiments/matrix.toml --set name=matrix-1k --set "$of_1k" \
    --set 'grid.data.samples=[16, 64, 512, 4096]' "$@"
"${bitcap[@]}" sweep experiments/matrix.toml --set name=matrix-9k --set "$of_9k" \
    --set 'grid.data.samples=[128, 512, 4096]' "$@"
"${bitcap[@]}" sweep experiments/matrix.toml --set name=matrix-capacity --set "$uniform" \
    --set 'grid.data.samples=[1024]' --set train.steps=4000 "$@"
"${bitcap[@]}" sweep experiments/matrix.toml --set name=matrix-longer --set "$rules" \
    --set 'grid.data.samples=[4096]' --set train.steps=2000 "$@"
