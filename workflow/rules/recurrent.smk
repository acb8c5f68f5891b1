# Recurrent networks on the adding problem: one job a variant, all its seeds side by side.
from gradient_atlas.runs.recurrent import parse_recurrent_run
from gradient_atlas.runs.sweep import expand_runs

RECURRENT = config["recurrent"]
RECURRENT_RUNS = expand_runs("recurrent", RECURRENT, parse_recurrent_run)
PARTITIONS["training/recurrent"] = RECURRENT


rule train_recurrent:
    input:
        code=code("train_recurrent.py"),
    output:
        signals="results/training/recurrent/signals/{run}/part.parquet",
        losses="results/training/recurrent/losses/{run}/part.parquet",
    log:
        "logs/training/recurrent/{run}.log",
    benchmark:
        "logs/training/recurrent/{run}.tsv"
    priority: LONGEST_FIRST
    group:
        "recurrent"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=60,
    params:
        python=PYTHON,
        run=recurrent_run_of,
        seeds=RECURRENT["seeds"],
        perturbation=config["perturbation"],
    shell:
        "{params.python} {input.code[0]:q} --run {params.run} --seeds {params.seeds}"
        " --perturbation {params.perturbation} --checkpoint {log:q}.checkpoint"
        " --signals {output.signals:q} --losses {output.losses:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"
