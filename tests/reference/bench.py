"""Times bitcap's training step and PyTorch's in turns, and how its cost grows: `just bench`.

    python tests/reference/bench.py table target/release/bitcap target/release/examples/bench outputs/published/bench
    python tests/reference/bench.py scaling target/release/bitcap target/release/examples/bench outputs/published/bench
    python tests/reference/bench.py quick target/release/bitcap target/release/examples/bench outputs/published/bench

`table` writes bench.csv and bench.md. A step is forward, backward and Adam on the whole batch in
float32, by the wall clock; on one thread bitcap's is the trainer's own (`bitcap bench`), on two
threads it is that of bitcap-kernels' example, for a cell is one thread. Rounds of bitcap, PyTorch
eager, torch.compile and a matrix product follow each other, `--rounds` times: `fastest` is the
fastest step of all, `median` the median of the rounds' medians. Useful FLOPs are what no
implementation can leave out: six for each weight of a matrix, and of attention what is not masked.
Memory is the most that the process has held (VmHWM): bitcap's whole, and of PyTorch's what is
beyond the import of torch, torch.compile's compiler included.

`scaling` writes scaling.csv and scaling.md: fastest step and memory against each size alone.

`quick` writes quick.md: how long all cells of experiments/quick.toml take, two side by side,
trained, measured and reported by bitcap with its kernels and without, and only trained by two
processes of PyTorch, eager.

Run it on a quiet machine. Needs torch (requirements-bench.txt), a C++ compiler and Linux.
"""

import argparse
import csv
import json
import math
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

SIZES = ("V", "S", "layers", "width", "heads", "batch")
SHAPES = [
    (64, 16, 1, 16, 2, 173),
    (64, 16, 1, 32, 4, 256),
    (2048, 64, 1, 32, 2, 64),
    (2048, 64, 2, 64, 2, 64),
    (2, 64, 2, 16, 2, 256),
    (2048, 64, 1, 32, 2, 512),
    (2048, 64, 4, 128, 4, 128),
]
PROGRAMS = ("bitcap", "eager", "compile")
# What the scaling starts from, and what each size becomes, alone.
BASE = {"V": 512, "S": 32, "layers": 2, "width": 64, "heads": 4, "batch": 128}
GRID = {
    "batch": [32, 64, 128, 256, 512, 1024],
    "S": [8, 16, 32, 64, 128, 256],
    "V": [32, 128, 512, 2048, 8192],
    "width": [16, 32, 64, 128, 256],
    "layers": [1, 2, 4, 8, 16],
    "heads": [1, 2, 4, 8, 16, 32],
}
MIB = 2**20


def matrices(vocabulary, layers, width):
    """Weights of all matrices; the head has a row for the start token."""
    return 12 * layers * width * width + (vocabulary + 1) * width


def useful_flops(vocabulary, length, layers, width, heads, batch):
    attention = 12 * layers * width * (length + 1) / 2
    return batch * length * (6 * matrices(vocabulary, layers, width) + attention)


def held_bytes(vocabulary, length, layers, width, heads, batch, lanes):
    """What bitcap has to hold for a step: weights, gradient, two moments and the weights packed
    for forward and backward; tokens in and out; a block's activations and exponentials."""
    weights = matrices(vocabulary, layers, width) + length * width + layers * 13 * width
    packed = 24 * layers * width * width + (vocabulary + 1) * width
    block = max(64 // length, 1) * length * lanes
    activations = block * width * (16 * layers + 13)
    exponentials = (vocabulary + 1) * 8 * lanes + 2 * min(length, 18) * length * lanes
    return 4 * (4 * weights + packed + activations + exponentials + 2 * batch * length)


class Torch:
    """A process of bench_torch.py."""

    def __init__(self, mode, shape, threads):
        script = pathlib.Path(__file__).with_name("bench_torch.py")
        command = [sys.executable, script, mode, ",".join(map(str, shape)), str(threads)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self.about = json.loads(self.process.stdout.readline())

    def round(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def bitcap(programs, shape, threads, seconds):
    shape = ",".join(map(str, shape))
    if threads == 1:
        text = output(programs[0], "bench", "--json", "--shape", shape, "--seconds", str(seconds))
        row = json.loads(text)[0]
        return {
            "fastest": row["milliseconds_per_step"] / 1e3,
            "median": row["median_milliseconds_per_step"] / 1e3,
            "memory_bytes": row["peak_memory_bytes"],
        }
    text = output(programs[1], "--shape", shape, "--seconds", str(seconds), "--threads", str(threads))
    row = next(csv.DictReader(text.splitlines()))
    return {
        "fastest": float(row["milliseconds"]) / 1e3,
        "median": float(row["median_milliseconds"]) / 1e3,
        "memory_bytes": float(row["megabytes"]) * MIB,
    }


def table(args, programs):
    shapes = [tuple(map(int, text.split(","))) for text in args.shape or []] or SHAPES
    peak = float(output(programs[1], "--peak"))
    rows, start_bytes, about = [], [], None
    beyond = lambda figures: (figures["memory_bytes"] - figures.get("start_bytes", 0)) / MIB
    for threads in args.threads or [1, 2]:
        for shape in shapes:
            torch = {mode: Torch(mode, shape, threads) for mode in ("eager", "compile", "matrix")}
            rounds = {name: [] for name in (*PROGRAMS, "matrix")}
            for _ in range(args.rounds):
                rounds["bitcap"].append(bitcap(programs, shape, threads, args.seconds))
                for mode in torch:
                    seconds = args.seconds if mode != "matrix" else 0.2
                    rounds[mode].append(torch[mode].round(seconds))
            about = torch["matrix"].about
            start_bytes.append(rounds["eager"][0]["start_bytes"])
            matrix = min(figures["fastest"] for figures in rounds["matrix"])
            matrix = 2 * about["matrix"] ** 3 / matrix / 1e9
            for process in torch.values():
                process.end()
            for name in PROGRAMS:
                fastest = min(figures["fastest"] for figures in rounds[name])
                gflops = useful_flops(*shape) / fastest / 1e9
                rows.append(
                    {
                        **dict(zip(SIZES, shape)),
                        "threads": threads,
                        "program": name,
                        "milliseconds": round(1e3 * fastest, 3),
                        "median_milliseconds": round(1e3 * statistics.median(f["median"] for f in rounds[name]), 3),
                        "tokens_per_second": round(shape[1] * shape[5] / fastest),
                        "useful_gflops": round(gflops, 1),
                        "part_of_peak": round(gflops / (peak * threads), 3),
                        "matrix_product_gflops": round(matrix, 1),
                        "memory_mib": round(max(map(beyond, rounds[name])), 1),
                    }
                )
                print(rows[-1], flush=True)
    write_csv(args.folder / "bench.csv", rows)
    lines = table_lines(rows, programs[0], peak, about, statistics.median(start_bytes) / MIB)
    (args.folder / "bench.md").write_text("\n".join(lines) + "\n")


def table_lines(rows, program, peak, about, start_mib):
    products = {}
    for row in rows:
        products[row["threads"]] = max(products.get(row["threads"], 0.0), row["matrix_product_gflops"])
    lines = [
        f"{machine()}. {output(program, '--version').strip()}; PyTorch {about['torch']}; Python {platform.python_version()}.",
        "",
        f"Multiply-adds of one core with all operands in registers: {peak:.1f} GFLOP/s, the peak of the table. PyTorch's product of "
        f"two matrices of {about['matrix']}² (`torch.mm`, f32), fastest: "
        + " and ".join(f"{gflops:.1f} GFLOP/s on {n} thread{'s' * (n > 1)}" for n, gflops in products.items())
        + f". The import of torch takes {start_mib:.0f} MiB, which its columns leave out.",
        "",
        "| V | S | layers | width | heads | batch | threads | bitcap, tokens/s | eager | compile | bitcap / eager | bitcap / compile "
        "| by medians | GFLOP/s | of the peak | of torch.mm | MiB: bitcap | eager | compile |",
        "|" + "---|" * 19,
    ]
    for i in range(0, len(rows), len(PROGRAMS)):
        ours, eager, compiled = rows[i : i + len(PROGRAMS)]
        over = lambda other, key: f"{other[key] / ours[key]:.2f}"
        cells = [ours[size] for size in SIZES] + [ours["threads"]]
        cells += [f"{row['tokens_per_second']:,}" for row in (ours, eager, compiled)]
        cells += [over(eager, "milliseconds"), over(compiled, "milliseconds"), over(compiled, "median_milliseconds")]
        cells += [ours["useful_gflops"], f"{100 * ours['part_of_peak']:.0f} %"]
        cells += [f"{100 * ours['useful_gflops'] / products[ours['threads']]:.0f} %"]
        cells += [f"{row['memory_mib']:.0f}" for row in (ours, eager, compiled)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def scaling(args, programs):
    lanes = int(output(programs[1], "--lanes"))
    sweep = [(size, value) for size in GRID for value in GRID[size]]
    figures = {point: [] for point in [*sweep, None]}
    smallest = (2, 1, 1, 1, 1, 1)
    for _ in range(args.rounds):
        for point in figures:
            shape = tuple({**BASE, **dict([point])}[size] for size in SIZES) if point else smallest
            figures[point].append(bitcap(programs, shape, 1, args.seconds))
    start = min(f["memory_bytes"] for f in figures[None])
    rows = []
    for size, value in sweep:
        shape = tuple({**BASE, size: value}[name] for name in SIZES)
        rows.append(
            {
                "size": size,
                "value": value,
                "milliseconds": round(1e3 * min(f["fastest"] for f in figures[size, value]), 3),
                "expected_milliseconds": useful_flops(*shape),
                "memory_mib": round((min(f["memory_bytes"] for f in figures[size, value]) - start) / MIB, 2),
                "expected_mib": round(held_bytes(*shape, lanes) / MIB, 2),
            }
        )
    # Operations become milliseconds by the speed at the point that all sizes share.
    shared = next(row for row in rows if row["value"] == BASE[row["size"]])
    speed = shared["milliseconds"] / shared["expected_milliseconds"]
    for row in rows:
        row["expected_milliseconds"] = round(speed * row["expected_milliseconds"], 3)
    write_csv(args.folder / "scaling.csv", rows)
    lines = [
        f"{machine()}; one thread. Each size alone, the others at "
        + ", ".join(f"{size} {value}" for size, value in BASE.items())
        + ". Exponents are slopes of least squares in logarithms over the whole range; expected are those of the useful FLOPs, and of "
        "the bytes that a step has to hold. Memory is the most the process held, less the "
        f"{start / MIB:.1f} MiB of a model of one feature.",
        "",
        "| size | from | to | ms a step | exponent | expected | MiB | exponent | expected |",
        "|" + "---|" * 9,
    ]
    for size in GRID:
        these = [row for row in rows if row["size"] == size]
        slope = lambda key: f"{exponent([(row['value'], row[key]) for row in these]):.2f}"
        ends = [these[0], these[-1]]
        cells = [size, *(f"{row['value']:,}" for row in ends)]
        for key, expected in (("milliseconds", "expected_milliseconds"), ("memory_mib", "expected_mib")):
            cells += [" to ".join(f"{row[key]:,.1f}" for row in ends), slope(key), slope(expected)]
        lines.append("| " + " | ".join(cells) + " |")
    (args.folder / "scaling.md").write_text("\n".join(lines) + "\n")


def quick(args, programs):
    with tempfile.TemporaryDirectory() as folder:
        ways = {
            "bitcap": lambda: sweep(programs[0], folder, "auto"),
            "bitcap, `--set engine.kernels=off`": lambda: sweep(programs[0], folder, "off"),
            "PyTorch eager, training alone": lambda: train(cells_of(f"{folder}/auto/quick/runs.csv")),
        }
        lines = [
            f"{machine()}. All cells of experiments/quick.toml, trained by 150 steps of Muon, two side by side, "
            "one thread each.",
            "",
            "| | cells an hour | seconds | of the processors |",
            "|---|---|---|---|",
        ]
        for name, run in ways.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = time.perf_counter()
            run()
            seconds = time.perf_counter() - start
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            cells = len(cells_of(f"{folder}/auto/quick/runs.csv"))
            lines.append(f"| {name} | {3600 * cells / seconds:,.0f} | {seconds:.1f} | {busy:.1f} |")
            print(lines[-1], flush=True)
    (args.folder / "quick.md").write_text("\n".join(lines) + "\n")


def sweep(program, folder, kernels):
    # PyTorch has Muon, and no SOAP; and it trains here on the full batch, without a polish.
    overrides = ["train.optimizer=muon", "train.steps=150", "train.batch=full", "train.polish_steps=0", f"engine.kernels={kernels}"]
    options = [word for override in overrides for word in ("--set", override)]
    folder = f"{folder}/{kernels}"
    output(program, "sweep", "experiments/quick.toml", "--jobs", "2", "--outputs", folder, *options)


def cells_of(runs):
    with open(runs) as file:
        sizes = "vocabulary length layers width heads samples steps".split()
        return [",".join(row[size] for size in sizes) for row in csv.DictReader(file)]


def train(cells):
    # The longest first, then in turns: both processes end at about the same time.
    cells.sort(key=lambda cell: -math.prod(map(int, cell.split(","))))
    script = pathlib.Path(__file__).with_name("bench_torch.py")
    command = [sys.executable, script, "train", "", "1"]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for _ in range(2)]
    for i, process in enumerate(processes):
        process.stdin.write("\n".join(cells[i::2]))
        process.stdin.close()
    for process in processes:
        if process.wait() != 0:
            sys.exit("PyTorch failed")


def exponent(points):
    x, y = zip(*((math.log(x), math.log(max(y, 1e-3))) for x, y in points))
    return statistics.linear_regression(x, y).slope


def write_csv(path, rows):
    with open(path, "w", newline="") as file:
        out = csv.DictWriter(file, rows[0], lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


def machine():
    with open("/proc/cpuinfo") as file:
        about = dict(line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines())
    about = {key.strip(): value.strip() for key, value in about.items()}
    family, model = about.get("cpu family", "?"), about.get("model", "?")
    return f"{about.get('model name', platform.processor())} (family {family}, model {model})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["table", "scaling", "quick"])
    parser.add_argument("bitcap", help="the built program")
    parser.add_argument("kernels", help="the built example `bench` of bitcap-kernels")
    parser.add_argument("folder", type=pathlib.Path, help="where the files go")
    parser.add_argument("--shape", action="append", help="V,S,layers,width,heads,batch (all of the table)")
    parser.add_argument("--threads", action="append", type=int, help="1 or 2 (both)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a round, for each program (1)")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    programs = (args.bitcap, args.kernels)
    {"table": table, "scaling": scaling, "quick": quick}[args.what](args, programs)


if __name__ == "__main__":
    main()
