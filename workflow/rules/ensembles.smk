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
