# One page with every figure, its caption, claims and parameters, that a browser reads offline.
# Not part of `all`: it tells how long the jobs took, and so differs from build to build.


localrules:
    report,


rule report:
    input:
        code=code("write_report.py"),
        figures=expand("figures/{figure}.svg", figure=FIGURES),
        bundles=expand("figures/{figure}.{ending}", figure=FIGURES, ending=["png", "md"]),
        tables=table_files(*FIGURES),
        claims="results/claims.parquet",
    output:
        report("results/report.html", category="Report", labels={"page": "all figures"}),
    log:
        "logs/report.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        python=PYTHON,
        tables=as_argument({figure: datasets_of(figure) for figure in FIGURES}),
        results=lambda wildcards, input: results_folder([input.claims]),
        sweeps=as_argument(partitions_of(*FIGURES)),
        benchmarks=lambda wildcards, input: Path(results_folder([input.claims])).parent / "logs",
    shell:
        "{params.python} {input.code[0]:q} --figures {input.figures:q} --tables {params.tables}"
        " --results {params.results:q} --sweeps {params.sweeps} --claims {input.claims:q}"
        " --benchmarks {params.benchmarks:q} --output {output:q} 2> {log:q}"
