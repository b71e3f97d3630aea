#!/usr/bin/env python3
"""Runs verify.py over the test vectors beside it, and says of each file that it is as it should be."""
import json, pathlib, sys

from verify import GROUPS, Refused, check, is_signed, log_records, sha256, verify


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


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve().parent)
