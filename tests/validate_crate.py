"""Validate an RO-Crate as a Workflow Run Crate, without a network; what is found goes out as JSON.

Run by the Python of an environment that has roc-validator and rocrate (.ci/run makes it). The one
document that a validator fetches, RO-Crate's context, is the one that rocrate brings.
"""

import importlib.resources
import json
import sys

import requests
from rocrate.rocrate import ROCrate
from rocrate_validator.models import Severity
from rocrate_validator.services import ValidationSettings, validate
from rocrate_validator.utils.http import HttpRequester

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


def get(self, url, *words, **named):
    """Answer with the context, and to anything else that there is none."""
    response = requests.Response()
    response.url, response.status_code = url, 404
    if url == CONTEXT:
        response.status_code = 200
        response.headers["Content-Type"] = "application/ld+json"
        file = importlib.resources.files("rocrate") / "data/ro-crate.jsonld"
        response._content = file.read_bytes()
        assert json.loads(response._content)["@id"] == CONTEXT
    return response


HttpRequester.get = get
found = validate(
    ValidationSettings(
        rocrate_uri=sys.argv[1],
        profile_identifier="workflow-run-crate",
        requirement_severity=Severity.RECOMMENDED,
    )
)
issues = found.get_issues()
# That the other library of the field opens it too.
assert ROCrate(sys.argv[1]).mainEntity is not None
print(
    json.dumps(
        {
            "checks": len(found.executed_checks),
            "issues": {issue.check.identifier: issue.severity.name for issue in issues},
            "messages": sorted({str(issue.message) for issue in issues}),
        }
    )
)
