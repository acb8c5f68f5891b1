# Descent and flow: quadratics, small losses, and a network at the edge of stability.

QUADRATIC = config["dynamics"]["quadratic"]
FLOW = config["dynamics"]["flow"]
SECTIONS |= dict.fromkeys(("dynamics/convergence", "dynamics/threshold"), ("dynamics", "quadratic"))
SECTIONS |= dict.fromkeys(
    ("dynamics/landscape", "dynamics/order", "dynamics/escape"), ("dynamics", "flow")
)
SECTIONS["dynamics/flow_sharpness"] = ("dynamics", "sharpness")


rule simulate_quadratic:
    input:
        code=code("simulate_quadratic.py"),
    output:
        paths="results/dynamics/quadratic/part.parquet",
        convergence="results/dynamics/convergence/part.parquet",
        threshold="results/dynamics/threshold/part.parquet",
    log:
        "logs/dynamics/quadratic.log",
    benchmark:
        "logs/dynamics/quadratic.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=PYTHON,
        settings=as_argument(QUADRATIC),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --paths {output.paths:q}"
        " --convergence {output.convergence:q} --threshold {output.threshold:q} 2> {log:q}"


rule simulate_flow:
    input:
        code=code("simulate_flow.py"),
        losses=loss_files(FLOW),
        extensions=architecture_files(FLOW["network"]),
        dataset=dataset_files(FLOW["network"]["dataset"]),
    output:
        flow="results/dynamics/flow/part.parquet",
        landscape="results/dynamics/landscape/part.parquet",
        order="results/dynamics/order/part.parquet",
        escape="results/dynamics/escape/part.parquet",
    log:
        "logs/dynamics/flow.log",
    benchmark:
        "logs/dynamics/flow.tsv"
    priority: LONGEST_FIRST
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        python=PYTHON,
        dataset=lambda wildcards, input: Path(input.dataset[0]).parent,
        settings=as_argument(FLOW),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --dataset {params.dataset:q}"
        " --flow {output.flow:q} --landscape {output.landscape:q} --order {output.order:q}"
        " --escape {output.escape:q} 2> {log:q}"


# Full-batch descent of a network, one job an activation and learning rate, and its flow.
SHARPNESS = config["dynamics"]["sharpness"]
# What says which network: the keys that this section has.
NETWORK = sorted({"hidden_widths", "architecture", "architecture_options"}.intersection(SHARPNESS))
PARTITIONS["dynamics/sharpness"] = {
    "grid": {
        "activation": SHARPNESS["activations"],
        "learning_rate": SHARPNESS["learning_rates"],
    }
}
PARTITIONS["dynamics/flow_sharpness"] = {"grid": {"activation": SHARPNESS["activations"]}}


rule measure_sharpness:
    input:
        code=code("measure_sharpness.py"),
        extensions=architecture_files(SHARPNESS),
        dataset=dataset_files(SHARPNESS["dataset"]),
    output:
        "results/dynamics/sharpness/activation={activation}/learning_rate={learning_rate}/part.parquet",
    log:
        "logs/dynamics/sharpness/activation={activation}/learning_rate={learning_rate}.log",
    benchmark:
        "logs/dynamics/sharpness/activation={activation}/learning_rate={learning_rate}.tsv"
    priority: LONGEST_FIRST
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        python=PYTHON,
        dataset=lambda wildcards, input: Path(input.dataset[0]).parent,
        settings=lambda wildcards: as_argument(
            parts(SHARPNESS, "examples", "precision", *NETWORK, "seeds", "steps", "every")
            | {
                "activation": wildcards.activation,
                "learning_rate": float(wildcards.learning_rate),
            }
        ),
    shell:
        "{params.python} {input.code[0]:q} descent --settings {params.settings}"
        " --dataset {params.dataset:q} --output {output:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"


rule measure_flow_sharpness:
    input:
        code=code("measure_sharpness.py"),
        extensions=architecture_files(SHARPNESS),
        dataset=dataset_files(SHARPNESS["dataset"]),
    output:
        "results/dynamics/flow_sharpness/activation={activation}/part.parquet",
    log:
        "logs/dynamics/flow_sharpness/activation={activation}.log",
    benchmark:
        "logs/dynamics/flow_sharpness/activation={activation}.tsv"
    priority: LONGEST_FIRST
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        python=PYTHON,
        dataset=lambda wildcards, input: Path(input.dataset[0]).parent,
        settings=lambda wildcards: as_argument(
            parts(SHARPNESS, "examples", "precision", *NETWORK, "seeds")
            | SHARPNESS["flow"]
            | {"activation": wildcards.activation}
        ),
    shell:
        "{params.python} {input.code[0]:q} flow --settings {params.settings}"
        " --dataset {params.dataset:q} --output {output:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"


CENTRAL_FLOW = config["dynamics"]["central_flow"]


rule simulate_central_flow:
    input:
        code=code("simulate_central_flow.py"),
        extensions=architecture_files(CENTRAL_FLOW),
        dataset=dataset_files(CENTRAL_FLOW["dataset"]),
    output:
        "results/dynamics/central_flow/part.parquet",
    log:
        "logs/dynamics/central_flow.log",
    benchmark:
        "logs/dynamics/central_flow.tsv"
    priority: LONGEST_FIRST
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        python=PYTHON,
        dataset=lambda wildcards, input: Path(input.dataset[0]).parent,
        settings=as_argument({k: v for k, v in CENTRAL_FLOW.items() if k != "dataset"}),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings}"
        " --dataset {params.dataset:q} --output {output:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"


# Heavy ball, Nesterov and Adam with the full batch, and where each diverges on a quadratic.
EDGES = config["dynamics"]["edges"]
SECTIONS |= dict.fromkeys(
    ("dynamics/optimizer_edges", "dynamics/optimizer_thresholds"), ("dynamics", "edges")
)


rule measure_optimizer_edges:
    input:
        code=code("measure_optimizer_edges.py"),
        dataset=dataset_files(EDGES["dataset"]),
    output:
        edges="results/dynamics/optimizer_edges/part.parquet",
        thresholds="results/dynamics/optimizer_thresholds/part.parquet",
    log:
        "logs/dynamics/optimizer_edges.log",
    benchmark:
        "logs/dynamics/optimizer_edges.tsv"
    priority: LONGEST_FIRST
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        python=PYTHON,
        dataset=lambda wildcards, input: Path(input.dataset[0]).parent,
        settings=as_argument({k: v for k, v in EDGES.items() if k != "dataset"}),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --dataset {params.dataset:q}"
        " --edges {output.edges:q} --thresholds {output.thresholds:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"


rule simulate_catapult:
    input:
        code=code("simulate_catapult.py"),
    output:
        "results/dynamics/catapult/part.parquet",
    log:
        "logs/dynamics/catapult.log",
    benchmark:
        "logs/dynamics/catapult.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=PYTHON,
        settings=as_argument(config["dynamics"]["catapult"]),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --output {output:q} 2> {log:q}"
        " || (cat {log:q} >&2; exit 1)"


# Heavy ball and Adam beside their continuous limits.
LIMITS = config["dynamics"]["limits"]


rule simulate_limits:
    input:
        code=code("simulate_limits.py"),
        dataset=dataset_files(LIMITS["dataset"]),
    output:
        "results/dynamics/limits/part.parquet",
    log:
        "logs/dynamics/limits.log",
    benchmark:
        "logs/dynamics/limits.tsv"
    priority: LONGEST_FIRST
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        python=PYTHON,
        dataset=lambda wildcards, input: Path(input.dataset[0]).parent,
        settings=as_argument({k: v for k, v in LIMITS.items() if k != "dataset"}),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --dataset {params.dataset:q}"
        " --output {output:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"


# Descent whose learning rate begins small, from too large weights.
WARMUP = config["dynamics"]["warmup"]


rule measure_warmup:
    input:
        code=code("measure_warmup.py"),
        dataset=dataset_files(WARMUP["dataset"]),
    output:
        "results/dynamics/warmup/part.parquet",
    log:
        "logs/dynamics/warmup.log",
    benchmark:
        "logs/dynamics/warmup.tsv"
    priority: LONGEST_FIRST
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        python=PYTHON,
        dataset=lambda wildcards, input: Path(input.dataset[0]).parent,
        settings=as_argument({k: v for k, v in WARMUP.items() if k != "dataset"}),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --dataset {params.dataset:q}"
        " --output {output:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"


# Networks of several widths under two parametrisations.
WIDTH = config["dynamics"]["width"]
SECTIONS["dynamics/coordinates"] = ("dynamics", "width")


rule scan_widths:
    input:
        code=code("scan_widths.py"),
        dataset=dataset_files(WIDTH["dataset"]),
    output:
        width="results/dynamics/width/part.parquet",
        coordinates="results/dynamics/coordinates/part.parquet",
    log:
        "logs/dynamics/width.log",
    benchmark:
        "logs/dynamics/width.tsv"
    priority: LONGEST_FIRST
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        python=PYTHON,
        dataset=lambda wildcards, input: Path(input.dataset[0]).parent,
        settings=as_argument({k: v for k, v in WIDTH.items() if k != "dataset"}),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --dataset {params.dataset:q}"
        " --width {output.width:q} --coordinates {output.coordinates:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"
