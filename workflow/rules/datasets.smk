# One folder a data set, prepared once and memory-mapped by every job that trains on it.
OWN_DATASETS = config["datasets"]
MIRROR = "" if config["mirror"] is None else f"--mirror {shlex.quote(config['mirror'])}"


# A cluster's compute nodes often have no way to the sources; the submitting machine has.
localrules:
    prepare_dataset,


rule prepare_dataset:
    input:
        code=code("prepare_dataset.py"),
        own=lambda wildcards: own_files([OWN_DATASETS.get(wildcards.dataset)]),
    output:
        # The same list as every job's input, so that no file of a data set can be forgotten.
        dataset_files("{dataset}"),
    log:
        "logs/datasets/{dataset}.log",
    benchmark:
        "logs/datasets/{dataset}.tsv"
    priority: DATA_FIRST
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
        # A resource, since a changed param would rebuild: where the bytes come from changes none.
        mirror=MIRROR,
    params:
        python=PYTHON,
        dataset=lambda wildcards, input: input.own or wildcards.dataset,
        perturbation=config["perturbation"],
        folder=lambda wildcards, output: Path(output[0]).parent,
    # A source that fails is the user's to mend, so what is said goes to the screen as well.
    shell:
        "{params.python} {input.code[0]:q} {params.dataset:q} --output {params.folder:q}"
        " --perturbation {params.perturbation} {resources.mirror}"
        " 2>&1 | tee {log:q}"
