# Tables of an archive, taken instead of computed where config and code ask for the very same; and the
# archive itself. Included last: it asks the other rules what they would make each table of.
from snakemake.logging import logger

from archive_source import located
from asked import Asked
from gradient_atlas.tables.archive import read_index, write_archive

PREFIX = workflow.modifier.path_modifier.prefix or ""
ASKED = Asked(list(workflow.rules), SOURCE)
TAKEN_LIST = "results/taken_tables.json"


def tables_to_take():
    """The archive's file, and the tables that are taken from it, by their paths below results/.

    A table is taken with all that its job writes, if each is asked for by what it was made by. One
    that was computed in this folder stays with the rule that computed it.
    """
    # A process that runs one job has its plan already.
    archive = located(config["tables"], PROJECT, Path(".cache/tables"))
    if archive is None or not workflow.is_main_process:
        return archive, []
    index, noted = read_index(archive), Path(PREFIX + TAKEN_LIST)
    before = set(json.loads(noted.read_text())) if noted.is_file() else set()
    taken, why = {}, {}
    for table in table_files(*FIGURES):
        siblings = [file.removeprefix(PREFIX) for file in ASKED.siblings(PREFIX + table)]
        names = [file.removeprefix("results/") for file in siblings]
        if any(name not in before and Path(PREFIX, "results", name).exists() for name in names):
            why[table] = "are here already"
        elif not all(name in index for name in names):
            why[table] = "are computed, which it has not"
        else:
            now, then = ASKED.of(PREFIX + table), index[table.removeprefix("results/")]["asked"]
            differing = [what for what in ("config", "code", "versions") if now[what] != then[what]]
            if differing:
                why[table] = f"are computed, since its own were made by other {differing[0]}"
            else:
                taken |= dict.fromkeys(names)
    counted = {reason: list(why.values()).count(reason) for reason in dict.fromkeys(why.values())}
    logger.info(
        f"{archive.name}: {len(table_files(*FIGURES)) - len(why)} tables are taken from it"
        + "".join(f"; {number} {reason}" for reason, number in counted.items())
        + ("" if any("computed" in reason for reason in counted) else "; nothing is trained")
    )
    return archive, list(taken)


try:
    ARCHIVE, TAKEN = tables_to_take()
except InputError as error:
    raise WorkflowError(f"config: {error}") from None
if TAKEN:

    localrules:
        take_tables,

    rule take_tables:
        input:
            code=code("take_tables.py"),
            archive=str(ARCHIVE.absolute()),
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
                else "--tables "
                + " ".join(shlex.quote(name.removesuffix("/part.parquet")) for name in TAKEN)
            ),
        shell:
            "{params.python} {input.code[0]:q} {input.archive:q} {params.tables}"
            " --results {params.results:q} --list {output.list:q} 2> {log:q}"
            " || (cat {log:q} >&2; exit 1)"

    # What the archive has is computed by no other rule.
    for other in list(workflow.rules):
        workflow._ruleorder.add(workflow.modifier.modify_rulename("take_tables"), other.name)


localrules:
    archive,


# Every table of the figures, with what its job writes besides, as `make figures` takes them.
rule archive:
    input:
        code=code("take_tables.py"),
        tables=table_files(*FIGURES),
    output:
        "results/tables.tar.xz",
    log:
        "logs/archive.log",
    threads: 1
    run:
        folder = Path(results_folder(input.tables))
        files = sorted({file for table in input.tables for file in ASKED.siblings(table)})
        below = {str(Path(file).relative_to(folder)): ASKED.of(file) for file in files}
        write_archive(below, folder, Path(output[0]))
