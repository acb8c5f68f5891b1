"""Which part of the house may use which: nothing upward, no circle, no torch in a drawing."""

import itertools

import grimp
import pytest

# From the top; a package may use those of lower lines, and of the same line none but itself.
LAYERS = """
    __main__
    report watching
    claims drawing
    measures
    training ensembles dynamics theory
    networks
    datasets
    tables
    runs
    arithmetic
    errors
"""
ORDER = {name: line for line, names in enumerate(LAYERS.splitlines()) for name in names.split()}
# What is computed stands under tables for figures and claims; these read tables only.
READERS = ("claims", "drawing", "measures", "report")
COMPUTING = ("networks", "training", "ensembles", "dynamics", "theory", "torch")


@pytest.fixture(scope="module")
def graph():
    graph = grimp.build_graph("gradient_atlas", include_external_packages=True, cache_dir=None)
    # Inside a function that only computing scripts call; the module settles what a table says.
    graph.remove_import(importer="gradient_atlas.arithmetic", imported="torch")
    return graph


def part(module):
    """The package or module of the library that a dotted name lies in."""
    return module.split(".")[1]


def inside(graph):
    return sorted(module for module in graph.modules if module.startswith("gradient_atlas."))


def imports(graph):
    """Pairs of modules of the library, importer and imported, of different parts."""
    for importer in inside(graph):
        for imported in graph.find_modules_directly_imported_by(importer):
            if imported.startswith("gradient_atlas.") and part(importer) != part(imported):
                yield importer, imported


def test_every_part_has_a_layer(graph):
    assert {part(module) for module in inside(graph)} <= set(ORDER)


def test_nothing_is_imported_from_above_or_beside(graph):
    # Training and dynamics are beside each other; theory may be used by neither.
    wrong = [
        f"{importer} imports {imported}"
        for importer, imported in imports(graph)
        if ORDER[part(importer)] >= ORDER[part(imported)]
    ]
    assert wrong == []


def test_modules_of_a_part_form_no_circle(graph):
    for one, other in itertools.combinations(inside(graph), 2):
        if part(one) == part(other):
            there = graph.chain_exists(importer=one, imported=other)
            assert not (there and graph.chain_exists(importer=other, imported=one)), (one, other)


@pytest.mark.parametrize("reader", READERS)
def test_what_reads_tables_computes_nothing(graph, reader):
    for module in inside(graph):
        if part(module) == reader:
            used = graph.find_upstream_modules(module)
            assert "torch" not in used, module
            parts = {part(name) for name in used if name.startswith("gradient_atlas.")}
            assert not parts & set(COMPUTING), module


def test_the_library_knows_nothing_of_command_lines_and_snakemake(graph):
    for module in inside(graph):
        used = graph.find_modules_directly_imported_by(module)
        known = set() if module == "gradient_atlas.__main__" else {"argparse"}
        assert not used & (known | {"snakemake"}), module
