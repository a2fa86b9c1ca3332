# GPU backends to build in: just features=cuda sweep experiments/quick.toml --device cuda
features := ""

# List the recipes
default:
    @just --list

# Train three small models on six dataset sizes and draw the curve (minutes)
quick *ARGS:
    cargo run --release --features "{{features}}" -- sweep experiments/quick.toml {{ARGS}}

# Run any experiment: just sweep experiments/quick.toml --jobs 1 --dry-run
sweep EXPERIMENT *ARGS:
    cargo run --release --features "{{features}}" -- sweep {{EXPERIMENT}} {{ARGS}}

# Make tables and figures again from an outputs folder: just report outputs/quick
report FOLDER *ARGS:
    cargo run --release -- report {{FOLDER}} {{ARGS}}

# Show how the cells of an outputs folder stand: just status outputs/quick --watch
status FOLDER *ARGS:
    cargo run --release -- status {{FOLDER}} {{ARGS}}

# Give an experiment's cells to Slurm or to hosts: just submit experiments/quick.toml --engine slurm
submit EXPERIMENT *ARGS:
    cargo run --release --features "{{features}}" -- submit {{EXPERIMENT}} {{ARGS}}

# Two outputs folders side by side: just compare outputs/a outputs/b
compare A B *ARGS:
    cargo run --release -- compare {{A}} {{B}} {{ARGS}}

# Draw a dataset into a file: just generate data/bits.safetensors -v 2 -s 64 -n 1000
generate FILE *ARGS:
    cargo run --release -- generate {{FILE}} {{ARGS}}

# Run all tests
test *ARGS:
    cargo test --workspace {{ARGS}}

# Run the tests that need Slurm, GNU parallel and ssh (see .ci/run for their packages)
test-engines:
    cargo test --workspace --test engines -- --ignored --test-threads 1

# Run the whole gate: format, lints, documentation, tests
check:
    .ci/run

# Write the keys of experiment files anew: docs/experiment.md and its JSON schema
docs:
    BITCAP_WRITE_DOCS=1 cargo test -p bitcap-plan --test experiment_docs

# Time training steps beside PyTorch's, and as each size grows (half an hour; wants a quiet machine and a C++ compiler)
bench FOLDER="outputs/published/bench":
    python3 -m venv target/venv-bench
    target/venv-bench/bin/pip install --quiet -r tests/reference/requirements-bench.txt
    cargo build --release
    cargo build --release -p bitcap-kernels --example bench
    target/venv-bench/bin/python tests/reference/bench.py table target/release/bitcap target/release/examples/bench {{FOLDER}}
    target/venv-bench/bin/python tests/reference/bench.py scaling target/release/bitcap target/release/examples/bench {{FOLDER}}
    target/venv-bench/bin/python tests/reference/bench.py quick target/release/bitcap target/release/examples/bench {{FOLDER}}
    cargo run --release -p bitcap-report --example bench_charts {{FOLDER}}

# Run the tests of the one crate with `unsafe` under AddressSanitizer, which every compiler brings along; the variable lets a stable one take -Z
sanitize *ARGS:
    RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test -p bitcap-kernels --target {{arch()}}-unknown-linux-gnu --target-dir target/sanitize {{ARGS}}

# List the devices of this build and machine: just features=wgpu devices --check
devices *ARGS:
    cargo run --release --features "{{features}}" -- devices {{ARGS}}
