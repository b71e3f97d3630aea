#!/usr/bin/env python3
"""Runs verify.py over the test vectors beside it, and says of each file that it is as it should be."""
import json, pathlib, sys

from verify import GROUPS, Refused, check, follow, is_signed, log_records, sha256, verify


def refuses(judge, fault, name):
    try:
        judge()
    except Refused as refused:
        assert str(refused) == fault, (name, str(refused))
        return
    raise AssertionError(name)


def main(folder):
    load = lambda name: json.loads((folder / name).read_text(encoding="utf-8"))
    v = load("hashes.json")
    c, f, s = v["commitment"], v["fingerprint"], v["signature"]
    assert sha256(b"\2", bytes.fromhex(c["salt"]), c["value"].encode()).hex() == c["result"]
    assert sha256(b"\0", v["core_hash"]["core"].encode()).hex() == v["core_hash"]["result"]
    parts = (bytes.fromhex(f["chain_uid"]), f["sequence"].to_bytes(8, "big"),
             bytes.fromhex(f["previous"]), bytes.fromhex(f["core_hash"]))
    assert sha256(b"\1", *parts).hex() == f["result"]
    assert is_signed(bytes.fromhex(s["fingerprint"]), s["result"], s["public_key"])
    assert not is_signed(bytes.fromhex(s["fingerprint"])[::-1], s["result"], s["public_key"])
    assert sha256(bytes.fromhex(s["public_key"])).hex()[:16] == s["default_key_id"]
    assert sha256(b"meshward-audit-log-v1\0", bytes.fromhex(v["log_key"]["seed"])).hex() == v["log_key"]["result"]
    print("hashes.json: ok")

    v = load("chains.json")
    for case in v["cases"]:
        if "refused" in case:
            refuses(lambda: verify(case["lines"], v["keys"]), case["refused"], case["name"])
        else:
            assert verify(case["lines"], v["keys"]) == case["expect"], case["name"]
    check_envelopes(v["cases"][0]["lines"], v["keys"], v["cases"][0]["expect"])
    print("chains.json: ok")

    v = load("erasures.json")
    for case in v["erasures"]:
        before, after = check(case["before"]), check(case["after"])
        assert before["erased"] == [] and after["erased"] == [case["group"]]
        assert before["fingerprint"] == after["fingerprint"]
    assert check(v["all_groups"]["after"])["erased"] == list(GROUPS)
    ledger = [check(line) for line in v["ledger"]]
    assert verify(v["ledger"], v["keys"])["missing"] == []
    stone = next(r["control"] for r in ledger if r["control"]["kind"] == "tombstone")
    parts = (bytes.fromhex(stone["chain_uid"]), stone["sequence"].to_bytes(8, "big"),
             bytes.fromhex(stone["previous"]), bytes.fromhex(stone["core"]))
    assert sha256(b"\1", *parts) == check(v["tombstone"]["removed"])["fingerprint"]
    assert sha256(b"\1", *parts) == check(v["tombstone"]["next"])["previous"]
    check_orders(v)
    print("erasures.json: ok")

    v = load("log_lines.json")
    key = bytes.fromhex(v["log_key"])
    for case in v["lines"]:
        found = [{"uid": "%s:%d" % (r["chain"], r["sequence"]), "tagged": tagged}
                 for r, tagged in ((check(text), tagged) for text, _, tagged in log_records(case["line"], key))]
        assert found == case["records"], case["line"]
    found = [record for line in v["parts"]["lines"] for record in log_records(line, key)]
    assert all(tagged for _, _, tagged in found) and [part[1] for _, part, _ in found] == list(range(1, len(found) + 1))
    assert "".join(text for text, _, _ in found) == v["parts"]["record"]
    print("log_lines.json: ok")

    v = load("faults.json")
    for case in v["cases"]:
        refuses(lambda: check(case["text"]), case["fault"], case["name"])
    refuses(lambda: verify([v["wrong_signature"]], v["keys"]), "wrong_signature", "wrong_signature")
    print("faults.json: ok")


def check_envelopes(lines, keys, expect):
    """The same records in OTLP, and with something else around them."""
    def log(line):
        record = json.loads(line)
        is_control = "control" in record["unmapped"]
        value = lambda key, text: {"key": key, "value": {"stringValue": text}}
        return {"timeUnixNano": str(record["time"] * 10**6), "severityNumber": 9, "body": {"stringValue": line},
                "eventName": "audit_control" if is_control else "api_activity",
                "attributes": [value("audit.uid", record["metadata"]["uid"]),
                               value("audit.decision", "control" if is_control else "allowed")]}
    request = lambda logs: json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": logs}]}]}, separators=(",", ":"))
    logs = [{**log(line), "severityNumber": 13 if json.loads(line).get("action_id") == 2 else 9} for line in lines]
    for one in logs:
        if one["severityNumber"] == 13:
            one["attributes"][1]["value"]["stringValue"] = "denied"
    assert verify([request(logs)], keys) == expect
    for name, value in (("timeUnixNano", "0"), ("severityNumber", 17), ("eventName", "x"), ("traceId", "00"),
                        ("attributes", [{"key": "audit.uid", "value": {"stringValue": "x"}}])):
        refuses(lambda: verify([request([{**logs[0], name: value}])], keys), "envelope_differs", name)


def check_orders(v):
    """What an order names may be gone or erased, and nothing else."""
    orders = {}
    for line in v["ledger"]:
        control = check(line)["control"]
        orders.setdefault(control["kind"], control)
    assert {"erasure", "tombstone", "hold"} <= set(orders), sorted(orders)
    one = v["erasures"][0]
    refuses(lambda: verify([one["after"]], v["keys"]), "erased_without_order", "erased without an order")
    stone = orders["tombstone"]
    uid, sequence = stone["chain_uid"], stone["sequence"]
    at = lambda time, control: {"chain": "0" * 32, "time": time, "control": control}
    record = {"fingerprint": b"", "previous": b"", "control": {}, "seen": None, "erased": [], "class": "hipaa"}
    hold = {"kind": "hold", "hold": "case-7", "targets": [{"chain_uid": uid, "ranges": [[sequence, sequence + 3]]}]}
    release = {"kind": "release", "hold": "case-7"}
    of_class = {"kind": "hold", "hold": "case-8", "standing": [{"by": "class", "values": ["hipaa"]}]}
    chains = lambda: {uid: {sequence - 1: dict(record), sequence + 1: dict(record)}}
    for ledger, fault in (([stone], None), ([hold, stone], "hold_broken"), ([hold, release, stone], None),
                          ([stone, hold], None), ([of_class, stone], "hold_broken")):
        numbered = {number: {**at(number, control), "sequence": number} for number, control in enumerate(ledger)}
        there = chains()
        if fault:
            refuses(lambda: follow([numbered], there), fault, str(ledger))
        else:
            follow([numbered], there)
            assert sequence in there[uid]
    checkpoint = {**record, "fingerprint": b"\7" * 32}
    purge = {"kind": "purge", "chain_uid": uid, "checkpoint": 9, "fingerprint": (b"\7" * 32).hex()}
    assert follow([{0: {**at(5, purge), "sequence": 0}}], {uid: {9: checkpoint}}) == {uid: 9}
    refuses(lambda: follow([{0: at(5, {**purge, "fingerprint": "00" * 32})}], {uid: {9: checkpoint}}), "wrong_purge", "purge")
    erased = {**record, "erased": ["subject"], "required_until": 50}
    for time, more, fault in ((60, {}, None), (40, {}, "erased_early"), (40, {"before_expiry": True}, None),
                              (60, {"groups": ["url"]}, "erased_without_order")):
        order = {"kind": "erasure", "targets": [{"chain_uid": uid}], "groups": ["subject"], **more}
        judge = lambda: follow([{0: at(time, order)}], {uid: {3: erased}})
        refuses(judge, fault, str(order)) if fault else judge()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve().parent)
