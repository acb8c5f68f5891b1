"""Write one page with every figure, its caption, claims and parameters, readable offline."""

from command_line import run_script

from pathlib import Path

from gradient_atlas.report.entries import image_address, runtimes
from gradient_atlas.report.pages import page
from gradient_atlas.tables.files import read
from page_arguments import entries_of, pages_parser


def main() -> None:
    """Read the bundles, claims and benchmark files; write the page."""
    parser = pages_parser(__doc__)
    parser.add_argument("--benchmarks", type=Path, required=True, help="folder of .tsv files")
    arguments = parser.parse_args()
    entries = entries_of(arguments, lambda svg: image_address(svg, svg.with_suffix(".png")))
    text = page(entries, read(arguments.claims), runtimes(arguments.benchmarks))
    arguments.output.write_text(text)


if __name__ == "__main__":
    run_script(main)
