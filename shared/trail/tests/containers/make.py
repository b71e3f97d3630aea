#!/usr/bin/env python3
"""Makes the files in this directory from trail.ndjson, as the programs that they are named after would keep it.

Run it by hand when a form is added. The test `containers` reads what is here.
"""

import base64
import gzip
import json
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent
LINES = (HERE / "trail.ndjson").read_text().splitlines()
RECORDS = [json.loads(line) for line in LINES]
TIME = "2026-11-24T21:00:00.123456789Z"
PREFIX = "[2026-11-24 21:00:00.000][7][critical][wasm] [source/extensions/common/wasm/context.cc:1137] wasm log audit-emitter meshward.audit-emitter: "


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def write(name, lines, end="\n", last=None):
    text = end.join(lines) + (end if last is None else last)
    (HERE / name).write_bytes(text.encode())


def marked(line):
    return f"[meshward-audit/1 - {len(line.encode())}] {line}"


def log_line(line):
    return PREFIX + marked(line)


def is_control(record):
    return "control" in record["unmapped"]


def attribute(key, value):
    return {"key": key, "value": {"stringValue": value}}


def log_record(line, record):
    decision = "control" if is_control(record) else "denied" if record["action_id"] == 2 else "allowed"
    attributes = [
        attribute("audit.uid", record["metadata"]["uid"]),
        attribute("audit.retention_class", record["unmapped"]["retention"]["class"]),
        attribute("audit.decision", decision),
    ]
    if "http_response" in record:
        attributes.append({"key": "http.response.status_code", "value": {"intValue": str(record["http_response"]["code"])}})
    return {
        "timeUnixNano": str(record["time"] * 1_000_000),
        "severityNumber": 13 if decision == "denied" else 9,
        "body": {"stringValue": line},
        "eventName": "audit_control" if is_control(record) else "api_activity",
        "attributes": attributes,
    }


def otlp(logs):
    resource = {"attributes": [attribute("audit.retention_class", "hipaa")]}
    return compact({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": logs}]}]})


def any_value(value):
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    return {"kvlistValue": {"values": [{"key": key, "value": any_value(item)} for key, item in value.items()]}}


def event(record):
    chain, number = record["metadata"]["uid"].split(":")
    return {
        "specversion": "1.0",
        "id": record["metadata"]["uid"],
        "source": f"/meshward/audit/{chain}",
        "type": "com.meshward.audit.control" if is_control(record) else "com.meshward.audit.api_activity",
        "sequence": f"{int(number):020}",
        "retentionclass": "hipaa",
        "datacontenttype": "application/json",
        "data": record,
    }


def pieces(text, size=16384):
    """As the runtimes cut: by bytes."""
    data = text.encode()
    out = []
    while data:
        cut = min(size, len(data))
        while cut < len(data) and data[cut] & 0xC0 == 0x80:
            cut -= 1
        out.append(data[:cut].decode())
        data = data[cut:]
    return out


def docker(text):
    parts = pieces(text + "\n")
    return [compact({"log": part, "stream": "stderr", "time": TIME}) for part in parts]


def cri(text, stream="stderr"):
    parts = pieces(text)
    return [f"{TIME} {stream} {'F' if part is parts[-1] else 'P'} {part}" for part in parts]


def csv_row(values, delimiter=","):
    return delimiter.join('"' + value.replace('"', '""') + '"' for value in values)


def reversed_members(value):
    if isinstance(value, dict):
        return {key: reversed_members(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [reversed_members(item) for item in value]
    return value


other = "[2026-11-24 21:00:00.000][7][info][main] starting main dispatch loop"
write("envoy.log", [other] + [log_line(line) for line in LINES])
write("envoy-json.log", [compact({"Timestamp": TIME, "Level": "info", "Message": "started"})]
      + [compact({"Timestamp": TIME, "Level": "critical", "Message": log_line(line)}) for line in LINES])
write("istio-json.log", [compact({"level": "info", "time": TIME, "msg": "started"})]
      + [compact({"level": "critical", "time": TIME, "scope": "envoy wasm external/envoy/source/extensions/common/wasm/context.cc:1137",
                  "msg": f"wasm log audit-emitter meshward.audit-emitter: {marked(line)}", "thread": "33"}) for line in LINES])
write("docker.json.log", docker(other) + [piece for line in LINES for piece in docker(log_line(line))])
cri_lines = cri(other)
for line in LINES:
    cut = cri(log_line(line))
    # Another stream writes in between.
    cri_lines += cut[:1] + cri("a line of the application", "stdout") + cut[1:]
write("cri.log", cri_lines)
write("cri-istio-json.log", [piece for line in LINES for piece in cri(compact({"level": "critical", "msg": "wasm log: " + marked(line)}))])
foreign = {"timeUnixNano": "1", "body": {"stringValue": "a line of another service"}, "attributes": []}
write("collector.json", [
    compact({"resourceMetrics": [{"resource": {}, "scopeMetrics": []}]}),
    otlp([log_record(LINES[0], RECORDS[0]), foreign]),
    compact({"resourceSpans": []}),
    otlp([log_record(line, record) for line, record in zip(LINES[1:], RECORDS[1:])]),
])
write("collector-structured.json", [otlp([{**log_record(line, record), "body": any_value(record)} for line, record in zip(LINES, RECORDS)])])
write("filelog.json", [otlp([{"body": {"stringValue": log_line(line)}, "attributes": [attribute("log.file.name", "envoy.log")]}]) for line in LINES])
write("cloudevents.json", [compact([event(record) for record in RECORDS])])
write("cloudevents.ndjson", [compact(event(record)) for record in RECORDS])
write("cloudevents-base64.ndjson", [compact({**{k: v for k, v in event(record).items() if k != "data"}, "data_base64": base64.b64encode(line.encode()).decode()})
                                    for line, record in zip(LINES, RECORDS)])
write("array.json", ["[" + ",".join(LINES) + "]"])
write("pretty.json", [json.dumps(record, indent=2) for record in RECORDS])
write("pretty-array.json", [json.dumps(RECORDS, indent=1)])
write("array-of-lines.json", ["[" + ",\n".join(LINES) + "]"])
write("clickhouse.ndjson", [compact({"Timestamp": TIME, "ServiceName": "edge", "Body": line, "LogAttributes": {"audit.uid": record["metadata"]["uid"]}})
                            for line, record in zip(LINES, RECORDS)])
write("clickhouse.json", [json.dumps({"meta": [{"name": "Body", "type": "String"}], "data": [{"Body": line} for line in LINES], "rows": len(LINES)}, indent="\t")])
write("clickhouse-compact.ndjson", [compact([TIME, line]) for line in LINES])
write("clickhouse.csv", ['"Timestamp","Body","ServiceName"'] + [csv_row([TIME, line, "edge"]) for line in LINES])
write("record-first.tsv", ["\t".join([line.replace("\\", "\\\\"), "edge"]) for line in LINES])
write("postgres.tsv", ["time\tbody\tservice"] + ["\t".join([TIME, line.replace("\\", "\\\\"), "edge"]) for line in LINES])
write("semicolons.csv", [csv_row([line, "7"], ";") for line in LINES], end="\r\n")
write("splunk.csv", ['"_time",note,"_raw"'] + [csv_row([TIME, "a note\nof two lines", log_line(line)]) for line in LINES])
write("elastic.ndjson", [compact({"_index": "audit", "_id": record["metadata"]["uid"], "_source": reversed_members(record)}) for record in RECORDS])
write("elastic-message.ndjson", [compact({"_index": "audit", "_source": {"@timestamp": TIME, "message": line}}) for line in LINES])
write("elastic-search.json", [compact({"took": 1, "hits": {"total": {"value": len(RECORDS)}, "hits": [{"_source": record} for record in RECORDS]}})])
write("splunk.ndjson", [compact({"preview": False, "offset": number, "result": {"_raw": line, "_time": TIME}}) for number, line in enumerate(LINES)])
write("splunk.json", [compact({"preview": False, "results": [{"_raw": line} for line in LINES]})])
write("journald.json", [compact({"MESSAGE": other, "_PID": "1"})]
      + [compact({"MESSAGE": log_line(line) if number % 2 else list(log_line(line).encode()), "_PID": "1", "PRIORITY": "6"}) for number, line in enumerate(LINES)])
write("journald.log", [f"Nov 24 21:00:00 edge-1 envoy[7]: {log_line(line)}" for line in LINES])
write("fluent-bit.json", [compact([1764018000.5, {"log": log_line(line), "stream_name": "stderr"}]) for line in LINES])
write("fluentd.log", [f"{TIME}\tkube.var.log.containers.edge\t" + compact({"log": log_line(line)}) for line in LINES])
write("loki.json", [compact({"status": "success", "data": {"resultType": "streams", "result": [
    {"stream": {"pod": "edge-1"}, "values": [["1764018000000000000", log_line(line)] for line in LINES]}]}})])
write("quoted.ndjson", [json.dumps(compact({"message": line})) for line in LINES])
write("concatenated.json", ["".join(LINES)], end="")
write("concatenated-collector.json", ["".join(otlp([log_record(line, record)]) for line, record in zip(LINES, RECORDS))], end="")
write("concatenated-events.json", ["".join(compact({"event": line if number % 2 else record, "sourcetype": "audit"}) for number, (line, record) in enumerate(zip(LINES, RECORDS)))])
write("commas.json", [line + "," for line in LINES])
write("sequence.json-seq", ["\x1e" + line for line in LINES])
write("pretty-sequence.json-seq", ["\x1e" + json.dumps(record, indent=2) for record in RECORDS])
write("pretty-concatenated.json", ["".join(json.dumps(record, indent=2) for record in RECORDS)])
write("pretty-collector.json", [json.dumps(json.loads(otlp([log_record(line, record)])), indent=2) for line, record in zip(LINES, RECORDS)])
write("journald.export", [f"__CURSOR=s=1\nPRIORITY=6\nMESSAGE={line if number % 2 else log_line(line)}\n_PID=7\n" for number, line in enumerate(LINES)])
write("fluent-bit-file.log", [f"tail.0: [1796087101.7, {compact({'log': line})}]" for line in LINES])
write("logcli.log", [f'2026-12-01T00:00:00Z {{job="audit"}} {line}' for line in LINES])
write("syslog.log", [f"<14>1 2026-12-01T00:00:00Z edge-1 envoy 7 - - \ufeff{line}" for line in LINES])
write("octet-counts.log", ["".join(f"{len(message.encode())} {message}" for message in (f"<14>1 2026-12-01T00:00:00Z edge-1 envoy 7 - - {line}" for line in LINES))], end="")
write("logfmt.log", [f"level=info msg={json.dumps(line if number % 2 else log_line(line), ensure_ascii=False)} n={number}" for number, line in enumerate(LINES)])
write("inserts.sql", ["INSERT INTO trail VALUES (%s,'%s');" % (number, line.replace("'", "''")) for number, line in enumerate(LINES)])
write("mysql.sql", ["INSERT INTO `trail` VALUES " + ",".join("(%s,'%s')" % (number, line.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'")) for number, line in enumerate(LINES)) + ";"])
write("collector-bytes.json", [otlp([{**log_record(line, record), "body": {"bytesValue": base64.b64encode(line.encode()).decode()}} for line, record in zip(LINES, RECORDS)])])


def varint(number):
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + varint(number >> 7)


def field(number, value):
    """A field of protobuf: bytes, or a number of 64 bits in fixed length."""
    if isinstance(value, int):
        return varint(number << 3 | 1) + value.to_bytes(8, "little")
    return varint(number << 3 | 2) + varint(len(value)) + value


def key_value(key, value):
    return field(1, key.encode()) + field(2, field(1, value.encode()))


def request(records):
    """ExportLogsServiceRequest."""
    logs = b"".join(
        field(2, field(1, record["time"] * 1_000_000) + field(5, field(1, line.encode())) + field(12, b"audit_control" if is_control(record) else b"api_activity")
              + field(6, key_value("audit.uid", record["metadata"]["uid"])))
        for line, record in records)
    return field(1, field(1, field(1, key_value("audit.retention_class", "hipaa"))) + field(2, logs))


RECORDS_AND_LINES = list(zip(LINES, RECORDS))
requests = [request(RECORDS_AND_LINES[:3]), request(RECORDS_AND_LINES[3:])]
(HERE / "requests.binpb").write_bytes(b"".join(requests))
(HERE / "collector.binpb").write_bytes(b"".join(len(request).to_bytes(4, "big") + request for request in requests))
write("byte-order-marks.ndjson", ["\ufeff" + line for line in LINES])
write("crlf.ndjson", LINES, end="\r\n")
(HERE / "byte-order-mark.ndjson").write_bytes(b"\xef\xbb\xbf" + "\n".join(LINES).encode())
write("blank-lines.ndjson", [item for line in LINES for item in (line, "", "  ")])
write("spaces.ndjson", [json.dumps(record, ensure_ascii=False) for record in RECORDS])
write("escapes.ndjson", [json.dumps(record).replace('"type_uid"', '"\\u0074ype_uid"').replace("/", "\\/") for record in RECORDS])
write("order.ndjson", [compact(reversed_members(record)) for record in RECORDS])
write("exponents.ndjson", [line.replace('"heartbeat_ms":60000', '"heartbeat_ms":6e4').replace(f'"time":{record["time"]}', f'"time":{record["time"]}.0')
                           for line, record in zip(LINES, RECORDS)])
half = len(LINES) // 2
(HERE / "trail.ndjson.gz").write_bytes(b"".join(gzip.compress("".join(line + "\n" for line in part).encode(), mtime=0) for part in (LINES[:half], LINES[half:])))
zstd = lambda part: subprocess.run(["zstd", "--quiet", "--stdout"], input="".join(line + "\n" for line in part).encode(), capture_output=True, check=True).stdout
skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
(HERE / "trail.ndjson.zst").write_bytes(skippable + zstd(LINES[:half]) + zstd(LINES[half:]))
