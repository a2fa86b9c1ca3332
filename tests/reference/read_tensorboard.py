"""Prints the scalars in TensorBoard's event files, read by TensorBoard itself.

    python tests/reference/read_tensorboard.py DIR

Needs tensorboard==2.21.0, nothing of TensorFlow. Prints JSON, every point in the order in which
TensorBoard has it: {run: {tag: [[step, value], ...]}}. A run is a folder with event files, named
relative to DIR ("." is DIR itself). Values are f32 in the files; those that are not finite are
printed as the texts "nan", "inf", "-inf", which JSON has no numbers for.
"""

import argparse
import json
import math
import pathlib
import sys

from tensorboard.backend.event_processing import event_accumulator, event_multiplexer


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dir", type=pathlib.Path, help="what `tensorboard --logdir` is given")
    args = parser.parse_args()
    if not args.dir.is_dir():
        sys.exit(f"{args.dir} is not a folder")

    # 0 keeps every point; TensorBoard would draw a sample of them.
    reader = event_multiplexer.EventMultiplexer(size_guidance={event_accumulator.SCALARS: 0})
    reader.AddRunsFromDirectory(str(args.dir))
    reader.Reload()
    runs = {
        run: {tag: points(reader.Scalars(run, tag)) for tag in tags[event_accumulator.SCALARS]}
        for run, tags in reader.Runs().items()
    }
    print(json.dumps(runs, sort_keys=True, allow_nan=False))


def points(events):
    return [[event.step, event.value if math.isfinite(event.value) else str(event.value)] for event in events]


if __name__ == "__main__":
    main()
