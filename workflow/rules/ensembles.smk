# Random networks before training, many of a kind: what only their distribution shows.

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
