"""Compares the bits of a trained cell with what transformers says of the same weights.

    python tests/reference/check_transformers.py CELL_FOLDER DATASET_FILE

Loads CELL_FOLDER/model with AutoModelForCausalLM.from_pretrained and the tokens of DATASET_FILE
(safetensors, tensor "tokens", u16 [N, S]), sums the code length of all predicted tokens in bits
(logits in float32, log-softmax and sum in float64), and holds it against
CELL_FOLDER/measurement.json, where it is N S_pred log2 V - memorized_bits_strict. Prints both and
their relative difference; exits non-zero where that is above 1e-5.
"""

import argparse
import json
import math
import pathlib
import sys

import safetensors
import torch
import transformers

import reference_model as ref

TOLERANCE = 1e-5
SEQUENCES_AT_ONCE = 256


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cell", type=pathlib.Path, help="a cell's folder, with model/ and measurement.json")
    parser.add_argument("dataset", type=pathlib.Path, help="the dataset the cell was trained on")
    args = parser.parse_args()

    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        args.cell / "model",
        attn_implementation="eager",
        # Others ask for widths of experts that are multiples of four.
        experts_implementation="eager",
        dtype=torch.float32,
        output_loading_info=True,
    )
    if info["missing_keys"] or info["unexpected_keys"] or info["mismatched_keys"]:
        sys.exit(f"transformers did not take the weights as they are: {info}")
    model.eval()

    with safetensors.safe_open(args.dataset, "pt") as file:
        tokens = file.get_tensor("tokens").long()
    samples, length = tokens.shape
    vocabulary, start_token = vocabulary_of(model.config)
    if int(tokens.max()) >= vocabulary:
        sys.exit(f"the dataset holds token {int(tokens.max())}; the model's vocabulary is {vocabulary}")
    predicted = length if start_token else length - 1

    measurement = json.loads((args.cell / "measurement.json").read_text())
    found = {"samples": samples, "length": length, "vocabulary": vocabulary, "start_token": start_token}
    measured = {key: measurement[key] for key in found}
    if measured != found:
        sys.exit(f"measurement.json is of {measured}; model and dataset are of {found}")
    by_transformers = code_length_bits(model, tokens)
    memorized = measurement["memorized_bits_strict"]
    by_bitcap = samples * predicted * math.log2(vocabulary) - memorized
    difference = abs(by_transformers - by_bitcap) / by_transformers

    print(f"sequences                   {samples} of {length} tokens, {predicted} predicted, V {vocabulary}")
    print(f"code length, transformers   {by_transformers:.6f} bits")
    print(f"code length, bitcap         {by_bitcap:.6f} bits")
    print(f"relative difference         {difference:.2e}")
    if not difference <= TOLERANCE:
        sys.exit(f"they differ by more than {TOLERANCE:g}")


def vocabulary_of(cfg):
    """V of the data, and whether there is a start token: one more row of the embedding, id V."""
    start_token = cfg.bitcap_start_token
    allowed = cfg.vocab_size - 1 if start_token else None
    if cfg.bos_token_id != allowed:
        sys.exit(f"bos_token_id is {cfg.bos_token_id}; it must be {allowed}")
    return cfg.vocab_size - start_token, start_token


@torch.no_grad()
def code_length_bits(model, tokens):
    nats = 0.0
    for part in tokens.split(SEQUENCES_AT_ONCE):
        inputs, targets = ref.inputs_and_targets(model.config, part)
        nats -= ref.log_probabilities(ref.logits(model, inputs), targets).sum().item()
    return nats / math.log(2)


if __name__ == "__main__":
    main()
