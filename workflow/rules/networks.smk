# Any network by name: one job a run of a sweep, all its seeds in one process.
from gradient_atlas.runs.network import parse_network_run
from gradient_atlas.runs.sweep import expand_runs

NETWORKS = config["networks"]["sweeps"]
NETWORK_RUNS = {
    name: expand_runs(f"networks.sweeps.{name}", sweep, parse_network_run)
    for name, sweep in NETWORKS.items()
}
PARTITIONS |= {f"training/{name}": sweep for name, sweep in NETWORKS.items()}


rule train_network:
    input:
        code=code("train_network.py"),
        extensions=lambda wildcards: architecture_files(
            dataclasses.asdict(network_run_of(wildcards))
        ),
        dataset=lambda wildcards: dataset_files(network_run_of(wildcards).dataset),
    output:
        modules="results/training/{sweep}/modules/{run}/part.parquet",
        metrics="results/training/{sweep}/metrics/{run}/part.parquet",
    log:
        "logs/training/{sweep}/{run}.log",
    benchmark:
        "logs/training/{sweep}/{run}.tsv"
    wildcard_constraints:
        sweep="|".join(NETWORKS) or "none",
    group:
        "networks"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        python=PYTHON,
        run=lambda wildcards: as_argument(dataclasses.asdict(network_run_of(wildcards))),
        seeds=lambda wildcards: NETWORKS[wildcards.sweep]["seeds"],
        dataset=lambda wildcards, input: Path(input.dataset[0]).parent,
    shell:
        "{params.python} {input.code[0]:q} --run {params.run} --seeds {params.seeds}"
        " --dataset {params.dataset:q} --modules {output.modules:q} --metrics {output.metrics:q}"
        " --checkpoint {log:q}.checkpoint 2> {log:q} || (cat {log:q} >&2; exit 1)"
