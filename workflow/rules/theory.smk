from gradient_atlas.theory.conditions import (
    CONDITIONS,
    NETWORK_CONDITIONS,
    RECURRENT_CONDITIONS,
)

SECTIONS |= dict.fromkeys(("theory/activations", "theory/linear_chain"), ("theory",))
SECTIONS |= {
    f"theory/quadratic_{name}": ("dynamics", "quadratic")
    for name in ("paths", "bowl", "rates", "thresholds")
}
SECTIONS["theory/escapes"] = ("dynamics", "flow", "escapes")
SECTIONS |= {f"theory/{name}": ("ensembles", name) for name in config["ensembles"]}

# What one layer lets through at most: activations, their derivatives, and a chain of equal factors.


rule tabulate_activations:
    input:
        code=code("tabulate_activations.py"),
        extensions=own_files(
            source_file(name, "theory.activations")
            for name in config["theory"]["activations"]
            if is_extension(name)
        ),
    output:
        table="results/theory/activations/part.parquet",
        chain="results/theory/linear_chain/part.parquet",
    log:
        "logs/theory/activations.log",
    benchmark:
        "logs/theory/activations.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=PYTHON,
        activations=config["theory"]["activations"],
        grid=config["theory"]["grid"],
        chain=config["theory"]["chain"],
    shell:
        "{params.python} {input.code[0]:q} --activations {params.activations:q}"
        " --largest {params.grid[largest]} --spacing {params.grid[spacing]}"
        " --factors {params.chain[factors]} --layers {params.chain[layers]}"
        " --table {output.table:q} --chain {output.chain:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"


# One job a sweep: a prediction takes less time than the import that it needs.
rule predict_norms:
    input:
        code=code("predict_norms.py"),
        extensions=lambda wildcards: sorted(
            {file for run in RUNS[wildcards.sweep].values() for file in extension_files(run)}
        ),
        dataset=lambda wildcards: sorted(
            {file for run in RUNS[wildcards.sweep].values() for file in dataset_files(run.dataset)}
        ),
    output:
        "results/theory/{sweep}/part.parquet",
    log:
        "logs/theory/{sweep}.log",
    benchmark:
        "logs/theory/{sweep}.tsv"
    wildcard_constraints:
        sweep="|".join(SWEEPS) or "none",
    priority: LONGEST_FIRST
    group:
        "theory"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        python=PYTHON,
        # What theory speaks of, each once: a changed rate predicts nothing anew, and the command
        # of a long sweep stays short.
        settings=lambda wildcards: as_argument(
            {
                "runs": [
                    dict(zip(CONDITIONS, condition, strict=True))
                    for condition in dict.fromkeys(
                        tuple(getattr(run, key) for key in CONDITIONS)
                        for run in RUNS[wildcards.sweep].values()
                    )
                ]
            }
        ),
        folders=lambda wildcards, input: sorted({str(Path(file).parent) for file in input.dataset}),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --dataset {params.folders:q}"
        " --output {output:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"


rule predict_modules:
    input:
        code=code("predict_modules.py"),
        dataset=lambda wildcards: sorted(
            {
                file
                for run in NETWORK_RUNS[wildcards.sweep].values()
                for file in dataset_files(run.dataset)
            }
        ),
    output:
        "results/theory/{sweep}/part.parquet",
    log:
        "logs/theory/{sweep}.log",
    benchmark:
        "logs/theory/{sweep}.tsv"
    wildcard_constraints:
        sweep="|".join(NETWORKS) or "none",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        python=PYTHON,
        settings=lambda wildcards: as_argument(
            {
                "runs": [
                    parts(dataclasses.asdict(run), *NETWORK_CONDITIONS)
                    for run in NETWORK_RUNS[wildcards.sweep].values()
                ]
            }
        ),
        folders=lambda wildcards, input: sorted({str(Path(file).parent) for file in input.dataset}),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --dataset {params.folders:q}"
        " --output {output:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"


# Closed forms of the quadratic bowl, and of what descent does where the flow is slow.
rule predict_descent:
    input:
        code=code("predict_descent.py"),
    output:
        paths="results/theory/quadratic_paths/part.parquet",
        bowl="results/theory/quadratic_bowl/part.parquet",
        rates="results/theory/quadratic_rates/part.parquet",
        thresholds="results/theory/quadratic_thresholds/part.parquet",
        escapes="results/theory/escapes/part.parquet",
    log:
        "logs/theory/descent.log",
    benchmark:
        "logs/theory/descent.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=PYTHON,
        settings=as_argument(
            {
                "quadratic": config["dynamics"]["quadratic"],
                "escapes": config["dynamics"]["flow"]["escapes"],
            }
        ),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --paths {output.paths:q}"
        " --bowl {output.bowl:q} --rates {output.rates:q} --thresholds {output.thresholds:q}"
        " --escapes {output.escapes:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"


# The signal of every recurrent network before training, and what one without memory can reach.
rule predict_recurrent:
    input:
        code=code("predict_recurrent.py"),
    output:
        "results/theory/recurrent/part.parquet",
    log:
        "logs/theory/recurrent.log",
    benchmark:
        "logs/theory/recurrent.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=PYTHON,
        # What theory speaks of, each once: a changed rate predicts nothing anew.
        settings=as_argument(
            {
                "runs": [
                    dict(zip(RECURRENT_CONDITIONS, condition, strict=True))
                    for condition in dict.fromkeys(
                        tuple(getattr(run, key) for key in RECURRENT_CONDITIONS)
                        for run in RECURRENT_RUNS.values()
                    )
                ]
            }
        ),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --output {output:q} 2> {log:q}"
        " || (cat {log:q} >&2; exit 1)"


# The Jacobians of random networks on the critical line.
rule predict_spectra:
    input:
        code=code("predict_spectra.py"),
    output:
        "results/theory/jacobian/part.parquet",
    log:
        "logs/theory/jacobian.log",
    benchmark:
        "logs/theory/jacobian.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=PYTHON,
        settings=as_argument(parts(config["ensembles"]["jacobian"], "networks", "depths", "width")),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --output {output:q} 2> {log:q}"
        " || (cat {log:q} >&2; exit 1)"


# The logarithms of norms in random ReLU networks of finite width.
rule predict_log_norms:
    input:
        code=code("predict_log_norms.py"),
    output:
        "results/theory/finite_width/part.parquet",
    log:
        "logs/theory/finite_width.log",
    benchmark:
        "logs/theory/finite_width.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=PYTHON,
        settings=as_argument(parts(config["ensembles"]["finite_width"], "widths", "depths")),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --output {output:q} 2> {log:q}"
        " || (cat {log:q} >&2; exit 1)"


# Order and chaos of tanh networks on the plane of weight and bias variances.
rule predict_phases:
    input:
        code=code("predict_phases.py"),
    output:
        "results/theory/phase_diagram/part.parquet",
    log:
        "logs/theory/phase_diagram.log",
    benchmark:
        "logs/theory/phase_diagram.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=PYTHON,
        settings=as_argument(
            parts(config["ensembles"]["phase_diagram"], "sigma_w2", "sigma_b2", "plane")
        ),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --output {output:q} 2> {log:q}"
        " || (cat {log:q} >&2; exit 1)"


# What each floating-point format keeps of the gradients of wide networks.
rule predict_half_precision:
    input:
        code=code("predict_half_precision.py"),
        extensions=sorted(
            {file for run in HALF_PRECISION_RUNS.values() for file in extension_files(run)}
        ),
        dataset=sorted(
            {file for run in HALF_PRECISION_RUNS.values() for file in dataset_files(run.dataset)}
        ),
    output:
        "results/theory/half_precision/part.parquet",
    log:
        "logs/theory/half_precision.log",
    benchmark:
        "logs/theory/half_precision.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        python=PYTHON,
        settings=as_argument(
            {
                "runs": {
                    path.partition("=")[2]: dataclasses.asdict(run)
                    for path, run in HALF_PRECISION_RUNS.items()
                },
                "loss_scales": HALF_PRECISION["loss_scales"],
            }
        ),
        folders=lambda wildcards, input: sorted({str(Path(file).parent) for file in input.dataset}),
    shell:
        "{params.python} {input.code[0]:q} --settings {params.settings} --dataset {params.folders:q}"
        " --output {output:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"
