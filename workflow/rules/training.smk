# One job a run of a sweep, all its seeds in one process. On a cluster several runs share a job.


rule train:
    input:
        # The code that a job runs is an input: an edited probe retrains, an edited style does not.
        code=code("train.py"),
        extensions=lambda wildcards: extension_files(run_of(wildcards)),
        dataset=lambda wildcards: dataset_files(run_of(wildcards).dataset),
    output:
        gradients="results/training/{sweep}/gradients/{run}/part.parquet",
        metrics="results/training/{sweep}/metrics/{run}/part.parquet",
    log:
        "logs/training/{sweep}/{run}.log",
    benchmark:
        "logs/training/{sweep}/{run}.tsv"
    wildcard_constraints:
        sweep="|".join(SWEEPS) or "none",
    group:
        shared_job
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=lambda wildcards: minutes(seconds_of(wildcards.sweep)[wildcards.run]),
    params:
        python=PYTHON,
        run=lambda wildcards: shlex.quote(format_run(run_of(wildcards))),
        seeds=lambda wildcards: SWEEPS[wildcards.sweep]["seeds"],
        dataset=lambda wildcards, input: Path(input.dataset[0]).parent,
    shell:
        "{params.python} {input.code[0]:q} --run {params.run} --seeds {params.seeds}"
        " --dataset {params.dataset:q} --gradients {output.gradients:q} --metrics {output.metrics:q}"
        " --checkpoint {log:q}.checkpoint 2> {log:q} || (cat {log:q} >&2; exit 1)"
