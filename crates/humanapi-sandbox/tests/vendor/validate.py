"""Calls a sandbox as the vendor's own documents say, and judges its answers by them.

Arguments: the folder of the documents, the sandbox's address, and JSON of values for parameters.
The client token stands in HUMANAPI_CLIENT_TOKEN.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent


def merged(folder):
    """The documents, one for each operation, as one."""
    whole = {"openapi": "3.0.3", "info": {"title": "Admin API", "version": "1"}, "paths": {}, "components": {}}
    files = folder.glob("human-api-admin-*.json")
    # What is ended can be read no more, so the end comes last.
    for file in sorted(files, key=lambda file: ("-delete-" in file.name, file.name)):
        document = json.loads(file.read_text())
        for path, operations in document["paths"].items():
            whole["paths"].setdefault(path, {}).update(operations)
        for kind, named in document.get("components", {}).items():
            for name, component in named.items():
                known = whole["components"].setdefault(kind, {}).setdefault(name, component)
                assert known == component, f"two documents differ in {kind}/{name}"
    assert len(whole["paths"]) == 10, "the documents have other paths than they had"
    return whole


def places(document, place):
    """The parents of a place, where `*` is each key, and the last step."""
    parents = [document]
    for step in place[:-1]:
        parents = [
            child
            for parent in parents
            for child in (parent.values() if step == "*" else [parent[step]])
            if isinstance(child, dict)
        ]
    return parents, place[-1]


def read_as_meant(document):
    """Only what is listed is read otherwise, and only while it is as it was."""
    for one in json.loads((HERE / "contradictions.json").read_text()):
        parents, name = places(document, one["place"])
        assert parents, f"nowhere: {one['about']}"
        for parent in parents:
            assert parent.get(name) == one["is"], f"no longer so: {one['about']}"
            parent[name] = one["read_as"]


def with_values(document, values):
    """Gives parameters values that there are, so that not each answer is that there is nothing."""
    used, under_way = set(), values.pop("underWay")
    groups = [document["components"]["parameters"].values()]
    groups += [
        operation.get("parameters", [])
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    for parameter in (one for group in groups for one in group):
        name = parameter.get("name")
        # Where either id says who is meant, both of them say too much.
        if name in values and (name, parameter["in"]) != ("humanId", "query"):
            parameter["example"] = values[name]
            used.add(name)
    actions = document["paths"]["/api/v1/users/actions"]["post"]["requestBody"]["content"]["application/json"]
    for example in actions["examples"].values():
        example["value"].update({name: under_way[name] for name in example["value"] if name in under_way})
    assert used == set(values), f"no parameter is called {set(values) - used}"


def called(document, address, *how):
    """Has schemathesis call what the document tells, and says how that went."""
    with tempfile.TemporaryDirectory() as work:
        file = pathlib.Path(work) / "document.json"
        file.write_text(json.dumps(document))
        command = [
            str(pathlib.Path(sys.executable).with_name("schemathesis")),
            "run", str(file),
            "--url", address,
            "--header", "Authorization: Bearer " + os.environ["HUMANAPI_CLIENT_TOKEN"],
            "--seed", "1",
            "--generation-database", "none",
            "--no-color",
            *how,
        ]
        return subprocess.run(command, cwd=work, check=False).returncode


def main():
    folder, address, values = pathlib.Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    document = merged(folder)
    read_as_meant(document)
    with_values(document, values)
    judged = called(
        document, address,
        "--phases", "examples,coverage,fuzzing",
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_headers_conformance,response_schema_conformance,negative_data_rejection",
        "--max-examples", "500" if os.environ.get("HUMANAPI_DEEP") == "1" else "25",
    )
    # The schemas say less than the words beside them: they allow an id that is empty, a limit below nothing and an order
    # without a body. So the documents' own examples may not be refused as wrong, and all that the schemas allow may. What
    # they name may be gone by now, which is no such refusal: that each operation is taken, the sandbox's log has to show.
    checks = "positive_data_acceptance,not_a_server_error"
    taken = called(document, address, "--phases", "examples", "--checks", checks)
    sys.exit(judged or taken)


main()
