# What a browser reads offline: one page with every figure, its caption, claims and parameters, and
# the site. Neither is part of `all`: the page tells how long the jobs took, and so differs from build
# to build; the site needs Sphinx.
TEMPLATES = [
    project_file(file)
    for file in sorted((SOURCE / "gradient_atlas/report/templates").glob("*.html"))
]


localrules:
    report,
    site,


rule report:
    input:
        code=code("write_report.py"),
        templates=TEMPLATES,
        figures=expand("figures/{figure}.svg", figure=FIGURES),
        bundles=expand("figures/{figure}.{ending}", figure=FIGURES, ending=["png", "md"]),
        tables=all_tables,
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
        " --benchmarks {params.benchmarks:q} --output {output:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"


rule site:
    input:
        code=code("write_site.py"),
        templates=TEMPLATES,
        docs=[
            project_file(file)
            for pattern in ("README.md", "docs/**/*.*", "config/*.md", "examples/*/README.md")
            for file in sorted(PROJECT.glob(pattern))
        ],
        figures=expand("figures/{figure}.svg", figure=FIGURES),
        bundles=expand(
            "figures/{figure}.{ending}", figure=FIGURES, ending=["pdf", "png", "tex", "csv", "md"]
        ),
        tables=all_tables,
        claims="results/claims.parquet",
    output:
        directory("site"),
    log:
        "logs/site.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        python=PYTHON,
        tables=as_argument({figure: datasets_of(figure) for figure in FIGURES}),
        results=lambda wildcards, input: results_folder([input.claims]),
        sweeps=as_argument(partitions_of(*FIGURES)),
        config=lambda wildcards: as_argument({figure: config_of(figure) for figure in FIGURES}),
    shell:
        "{params.python} {input.code[0]:q} --figures {input.figures:q} --tables {params.tables}"
        " --results {params.results:q} --sweeps {params.sweeps} --claims {input.claims:q}"
        " --config {params.config} --output {output:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"
