#!/usr/bin/env bash
# Every choice of the training recipe varied alone around experiments/recipe.toml: cells of one
# folder, outputs/recipe, with one table at the end. What has been run of it is in
# outputs/published/recipe.
#
# BITCAP is the program, `cargo run --release --` unless given.
set -euo pipefail
cd "$(dirname "$0")/.."
read -ra bitcap <<<"${BITCAP:-cargo run --release --quiet --}"

vary() {
    local set=()
    for setting in "$@"; do set+=(--set "$setting"); done
    "${bitcap[@]}" sweep experiments/recipe.toml "${set[@]}"
}

vary 'grid.model.heads=[1, 2, 4, 8, 16]'
vary 'grid.train.learning_rate=[0.01, 0.02, 0.03, 0.04, 0.06, 0.08]'
vary 'grid.train.betas=[[0.7, 0.99], [0.9, 0.99], [0.95, 0.99], [0.8, 0.95], [0.8, 0.999]]'
vary 'grid.train.warmup_steps=[0, 50, 150]'
vary 'grid.train.decay_fraction=[0.2, 0.5, 0.98]'
vary 'train.schedule=cosine'
vary 'grid.train.preconditioner_every=[1, 2, 10, 20]'
vary 'grid.train.preconditioner_beta=[0.8, 0.9, 0.98, 0.99]'
vary 'train.preconditioner_size=1'
vary 'train.preconditioner_size=32'
vary 'model.initialization=fan_in'
vary 'model.tied_head=false'
vary 'model.start_token=false'
vary 'model.mlp_ratio=2'
vary 'model.mlp_ratio=8'
# The same 750 passes over the dataset by smaller batches.
for batch in 1/2:1500:30 1/4:3000:60 1/8:6000:120; do
    IFS=: read -r share steps warmup <<<"$batch"
    vary "train.batch=$share" "train.steps=$steps" "train.warmup_steps=$warmup" 'grid.train.learning_rate=[0.01, 0.02, 0.04]'
done
# The last third or half of the 750 passes by L-BFGS.
vary 'train.steps=500' 'train.polish_steps=250' 'grid.train.decay_fraction=[0.05, 0.2, 0.5, 0.8]'
vary 'train.steps=500' 'train.polish_steps=250' 'train.decay_fraction=0.2' 'grid.train.polish_memory=[10, 30]'
vary 'train.steps=375' 'train.polish_steps=375' 'train.decay_fraction=0.2'
# Decay of the weights, with that polish and without.
vary 'train.steps=500' 'train.polish_steps=250' 'train.decay_fraction=0.2' 'grid.train.weight_decay=[0.02, 0.05, 0.1, 0.2]'
vary 'grid.train.weight_decay=[0.02, 0.05, 0.1, 0.2]'
# The other optimizers, each with its rate tuned, by two heads and by eight.
vary 'train.optimizer=muon' 'grid.model.heads=[2, 8]' 'grid.train.learning_rate=[0.03, 0.06, 0.1]' 'train.betas=[0.9, 0.99]'
vary 'train.optimizer=adam' 'grid.model.heads=[2, 8]' 'grid.train.learning_rate=[0.01, 0.03, 0.06]' 'train.betas=[0.9, 0.99]'
