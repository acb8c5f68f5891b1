# Tables of an archive, taken instead of computed where config and code ask for the very same; and the
# archive itself. Included last: it asks the other rules what they would make each table of.
from snakemake.logging import logger

import cheaper
from archives import located, tables_to_take
from asked import Asked
from results_crate import build_config, project_files, write_crate
from gradient_atlas.tables.archive import read_index

# Every function of a rule that is called for each job is known now.
cheaper.note_parameters(workflow.rules)
cheaper.describe_what_is_heard()

PREFIX = workflow.modifier.path_modifier.prefix or ""
ASKED = Asked(list(workflow.rules), SOURCE)
TAKEN_LIST = "results/taken_tables.json"
TAKEN = []
try:
    # A process that runs one job has its plan already.
    if workflow.is_main_process and (
        ARCHIVE := located(config["tables"], PROJECT, Path(".cache/tables"))
    ):
        TAKEN, told = tables_to_take(
            ARCHIVE, table_files(*FIGURES), ASKED, PREFIX, Path(PREFIX + TAKEN_LIST)
        )
        logger.info(told)
except InputError as error:
    raise WorkflowError(f"config: {error}") from None


localrules:
    archive,


if TAKEN:

    localrules:
        take_tables,

    rule take_tables:
        input:
            code=code("take_tables.py"),
            archive=local(str(ARCHIVE.absolute())),
        output:
            tables=[f"results/{name}" for name in TAKEN],
            list=TAKEN_LIST,
        log:
            "logs/take_tables.log",
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=10,
        params:
            python=PYTHON,
            results=lambda wildcards, output: results_folder([output.list]),
            # By output, and so without a say in whether the tables are taken again.
            tables=lambda wildcards, output: (
                "--all"
                if set(TAKEN) == set(read_index(ARCHIVE))
                else "--tables " + " ".join(shlex.quote(str(Path(name).parent)) for name in TAKEN)
            ),
        shell:
            "{params.python} {input.code[0]:q} {input.archive:q} {params.tables}"
            " --results {params.results:q} --list {output.list:q} 2> {log:q}"
            " || (cat {log:q} >&2; exit 1)"

    # What the archive has is computed by no other rule. A module's user may have left this one out.
    if workflow.is_rule(taker := workflow.modifier.modify_rulename("take_tables")):
        cheaper.only_maker(workflow.get_rule(taker), workflow.rules)


# The results as one RO-Crate: every table of the figures with what its job writes besides, the figures,
# the claims, and the code and config that made them.
rule archive:
    input:
        code=code("take_tables.py"),
        citation=project_file(PROJECT / "CITATION.cff"),
        project=[project_file(Path(file)) for file in project_files(PROJECT)],
        tables=lambda wildcards: [] if refused_when_quick() else table_files(*FIGURES),
        figures=expand("figures/{figure}.{ending}", figure=FIGURES, ending=["pdf", "tex", "md"]),
        claims=["results/claims.parquet", "results/claims.md"],
    output:
        "results/tables.tar.xz",
    log:
        "logs/archive.log",
    threads: 1
    params:
        config=lambda wildcards: build_config(config),
    run:
        made = [*input.tables, *input.figures, *input.claims]
        write_crate(
            ASKED, made, set(input.tables), params.config, PROJECT, PREFIX, Path(output[0])
        )
