# Random networks before training, many of a kind: what only their distribution shows.
from gradient_atlas.runs.feedforward import parse_run
from gradient_atlas.runs.sweep import expand_runs

JACOBIAN = config["ensembles"]["jacobian"]
PARTITIONS["ensembles/jacobian"] = {"variants": JACOBIAN["networks"]}


rule measure_jacobian:
    input:
        code=code("measure_jacobian.py"),
    output:
        "results/ensembles/jacobian/variant={variant}/part.parquet",
    log:
        "logs/ensembles/jacobian/variant={variant}.log",
    benchmark:
        "logs/ensembles/jacobian/variant={variant}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        python=PYTHON,
        settings=lambda wildcards: as_argument(
            parts(JACOBIAN, "width", "depths", "seeds") | JACOBIAN["networks"][wildcards.variant]
        ),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --output {output:q} 2> {log:q}"
        " || (cat {log:q} >&2; exit 1)"


# One job a width. A layer costs n numbers and not n², so that there can be many networks.
LOG_NORMS = config["ensembles"]["finite_width"]
PARTITIONS["ensembles/finite_width"] = {"grid": {"width": LOG_NORMS["widths"]}}


rule measure_log_norms:
    input:
        code=code("measure_log_norms.py"),
    output:
        "results/ensembles/finite_width/width={width}/part.parquet",
    log:
        "logs/ensembles/finite_width/width={width}.log",
    benchmark:
        "logs/ensembles/finite_width/width={width}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        python=PYTHON,
        settings=lambda wildcards: as_argument(
            parts(LOG_NORMS, "depths", "networks", "seeds") | {"width": int(wildcards.width)}
        ),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --output {output:q} 2> {log:q}"
        " || (cat {log:q} >&2; exit 1)"


# tanh networks trained on a line of the plane of weight and bias variances.
PHASE_DIAGRAM = config["ensembles"]["phase_diagram"]


rule measure_trainability:
    input:
        code=code("measure_trainability.py"),
        dataset=dataset_files(PHASE_DIAGRAM["dataset"]),
    output:
        "results/ensembles/phase_diagram/part.parquet",
    log:
        "logs/ensembles/phase_diagram.log",
    benchmark:
        "logs/ensembles/phase_diagram.tsv"
    priority: LONGEST_FIRST
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=60,
    params:
        python=PYTHON,
        dataset=lambda wildcards, input: Path(input.dataset[0]).parent,
        settings=as_argument(
            {key: value for key, value in PHASE_DIAGRAM.items() if key not in ("dataset", "plane")}
        ),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings}"
        " --dataset {params.dataset:q} --output {output:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"


HALF_PRECISION = config["ensembles"]["half_precision"]
PARTITIONS["ensembles/half_precision"] = {"variants": HALF_PRECISION["variants"]}
HALF_PRECISION_RUNS = expand_runs("ensembles.half_precision", HALF_PRECISION, parse_run)


# What each floating-point format keeps of a network's gradient.
rule measure_lost_gradients:
    input:
        code=code("measure_lost_gradients.py"),
        extensions=lambda wildcards: extension_files(HALF_PRECISION_RUNS[wildcards.run]),
        dataset=lambda wildcards: dataset_files(HALF_PRECISION_RUNS[wildcards.run].dataset),
    output:
        "results/ensembles/half_precision/{run}/part.parquet",
    log:
        "logs/ensembles/half_precision/{run}.log",
    benchmark:
        "logs/ensembles/half_precision/{run}.tsv"
    wildcard_constraints:
        run="|".join(HALF_PRECISION_RUNS),
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        python=PYTHON,
        run=lambda wildcards: as_argument(dataclasses.asdict(HALF_PRECISION_RUNS[wildcards.run])),
        seeds=HALF_PRECISION["seeds"],
        loss_scales=HALF_PRECISION["loss_scales"],
        dataset=lambda wildcards, input: Path(input.dataset[0]).parent,
    shell:
        "{params.python} {input.code[0]:q} --run {params.run} --seeds {params.seeds}"
        " --loss-scales {params.loss_scales} --dataset {params.dataset:q} --output {output:q}"
        " 2> {log:q} || (cat {log:q} >&2; exit 1)"
