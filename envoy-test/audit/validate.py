"""Holds a trail to the schemas that it claims to follow, with packages that have no part in making it.

    validate.py FOLDER

FOLDER/trail.ndjson     records: each is checked against OCSF 1.8.0 and to be canonical (RFC 8785)
FOLDER/request-*.json   OTLP/HTTP requests in JSON: read strictly by the official protobuf package
FOLDER/request-*.bin    the same in protobuf
"""

import base64
import json
import pathlib
import sys

import jsonschema
from google.protobuf import json_format
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

PROFILES = ["security_control", "trace", "data_classification"]
CLASSES = {6003: ("api_activity", PROFILES), 0: ("base_event", [])}


def validators():
    schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema("1.8.0"))
    return {
        uid: jsonschema.Draft202012Validator(schemas.get_class_schema(name, profiles=profiles))
        for uid, (name, profiles) in CLASSES.items()
    }


def canonical(record):
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def check_records(path):
    by_class = validators()
    mistakes, count = [], 0
    for line in path.read_text().split("\n"):
        if not line:
            continue
        count += 1
        record = json.loads(line)
        if canonical(record) != line:
            mistakes.append(f"not canonical: {line}")
        for error in by_class[record["class_uid"]].iter_errors(record):
            mistakes.append(f"{error.json_path}: {error.message}: {line}")
    return mistakes, count


def is_id(found, size, was_json):
    """In OTLP's JSON ids are hexadecimal, where the JSON of protobuf has base64: read it back."""
    if was_json and found:
        found = bytes.fromhex(base64.b64encode(found).decode())
    return len(found) in (0, size)


def records_in(request):
    for resource in request.resource_logs:
        for scope in resource.scope_logs:
            yield from scope.log_records


def check_requests(folder):
    mistakes, count = [], 0
    for path in sorted(folder.glob("request-*")):
        request = ExportLogsServiceRequest()
        try:
            if path.suffix == ".json":
                json_format.Parse(path.read_bytes(), request, ignore_unknown_fields=False)
            else:
                request.ParseFromString(path.read_bytes())
        except Exception as error:
            mistakes.append(f"{path.name}: {error}")
            continue
        for record in records_in(request):
            count += 1
            if not record.body.string_value.startswith("{") or not record.time_unix_nano:
                mistakes.append(f"{path.name}: {record}")
            for found, size in (record.trace_id, 16), (record.span_id, 8):
                if not is_id(found, size, path.suffix == ".json"):
                    mistakes.append(f"{path.name}: {found}: {record}")
    return mistakes, count


def main():
    folder = pathlib.Path(sys.argv[1])
    mistakes, records = check_records(folder / "trail.ndjson")
    more, logs = check_requests(folder)
    for mistake in (mistakes + more)[:20]:
        print(mistake)
    print(f"{records} records, {logs} log records, {len(mistakes + more)} mistakes")
    sys.exit(1 if mistakes or more else 0)


main()
