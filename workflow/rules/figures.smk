# One job a figure. Its input is its own module, the style, and the tables that it names.
# Snakemake looks into the folder of stamps once, so that they must be there before it plans.
for figure in [*FIGURES, *ALL_FIGURES]:
    drawing_code(figure)


rule draw_figure:
    input:
        code=lambda wildcards: drawing_code(wildcards.figure),
        tables=lambda wildcards: table_files(wildcards.figure),
    output:
        pdf="figures/{figure}.pdf",
        # The report's captions see no data, so the computed one is a file beside its figure.
        svg=report(
            "figures/{figure}.svg",
            caption="../report/figure.rst",
            category=category_of,
            subcategory="{figure}",
            labels={"figure": "{figure}", "what": "drawing"},
        ),
        png="figures/{figure}.png",
        tex="figures/{figure}.tex",
        caption=report(
            "figures/{figure}.md",
            category=category_of,
            subcategory="{figure}",
            labels={"figure": "{figure}", "what": "caption"},
        ),
        drawn="figures/{figure}.csv",
        layout="figures/{figure}.layout.json",
        pgf=["figures/{figure}.pgf"] if config["style"].get("pgf") else [],
    log:
        "logs/figures/{figure}.log",
    benchmark:
        "logs/figures/{figure}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=PYTHON,
        name=lambda wildcards: CONFIGURED.get(wildcards.figure, wildcards.figure),
        tables=lambda wildcards: as_argument(tables_of(wildcards.figure)),
        results=lambda wildcards, input: results_folder(input.tables),
        sweeps=lambda wildcards: as_argument(partitions_of(wildcards.figure)),
        style=as_argument(config["style"]),
        panels=lambda wildcards: " ".join(
            ["--panels", *panels] if (panels := config["panels"].get(wildcards.figure)) else []
        ),
        quick="--quick" if config["quick"] else "",
        target=lambda wildcards, output: output.pdf.removesuffix(".pdf"),
    shell:
        "{params.python} {input.code[0]:q} {params.name:q} --tables {params.tables} --results {params.results:q}"
        " --sweeps {params.sweeps} --style {params.style} {params.panels} {params.quick} --output {params.target:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"


# A figure that breaks a rule of its venue stays where it is, to be looked at; the build fails.
rule check_figure:
    input:
        code=code("check_figure.py"),
        pdf="figures/{figure}.pdf",
        layout="figures/{figure}.layout.json",
        caption="figures/{figure}.md",
    output:
        "results/checks/{figure}.txt",
    log:
        "logs/checks/{figure}.log",
    benchmark:
        "logs/checks/{figure}.tsv"
    group:
        "checks"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=PYTHON,
        style=as_argument(config["style"]),
    shell:
        "{params.python} {input.code[0]:q} {input.pdf:q} --layout {input.layout:q} --caption {input.caption:q} --style {params.style}"
        " --output {output:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"


# What `make bundle` gives an author: the config's figures in one zip that LaTeX compiles.
rule bundle:
    input:
        code=code("write_paper_bundle.py"),
        licence=project_file(PROJECT / "LICENSE"),
        pdfs=expand("figures/{figure}.pdf", figure=FIGURES),
        others=expand("figures/{figure}.{ending}", figure=FIGURES, ending=["tex", "csv"]),
        checks=expand("results/checks/{figure}.txt", figure=FIGURES),
        tables=all_tables,
    output:
        "figures/bundle.zip",
    log:
        "logs/bundle.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        python=PYTHON,
        tables=as_argument({figure: datasets_of(figure) for figure in FIGURES}),
        results=lambda wildcards, input: results_folder(input.tables),
        sweeps=as_argument(partitions_of(*FIGURES)),
        style=as_argument(config["style"]),
    shell:
        "{params.python} {input.code[0]:q} --figures {input.pdfs:q} --tables {params.tables}"
        " --results {params.results:q} --sweeps {params.sweeps} --style {params.style}"
        " --licence {input.licence:q} --output {output:q} 2> {log:q} || (cat {log:q} >&2; exit 1)"
