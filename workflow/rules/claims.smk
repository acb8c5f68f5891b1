# Every sentence of every figure that is built, decided by its tables.


rule check_claims:
    input:
        code=claims_code(*FIGURES),
        tables=all_tables,
        robustness=[local(config["robustness"])] if config["robustness"] else [],
        recorded=[project_file(PROJECT / "tests/recorded_verdicts.csv")] if config["strict"] else [],
    output:
        table="results/claims.parquet",
        page=report("results/claims.md", caption="../report/claims.rst", category="Claims"),
    log:
        "logs/claims.log",
    benchmark:
        "logs/claims.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        python=PYTHON,
        figures=as_argument({CONFIGURED[figure]: tables_of(figure) for figure in FIGURES}),
        results=lambda wildcards, input: results_folder(input.tables),
        sweeps=as_argument(partitions_of(*FIGURES)),
        compared=lambda wildcards, input: " ".join(
            f"--{option} {shlex.quote(str(input[option]))}"
            for option in ("robustness", "recorded")
            if input[option]
        ),
    shell:
        "{params.python} {input.code[0]:q} --figures {params.figures} --results {params.results:q}"
        " --sweeps {params.sweeps} --output {output.table:q} --markdown {output.page:q}"
        " {params.compared} 2> {log:q} || (cat {log:q} >&2; exit 1)"
