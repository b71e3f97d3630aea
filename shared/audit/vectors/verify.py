#!/usr/bin/env python3
"""An independent verifier of Meshward's audit trail, written from the README of the format alone.

    verify.py KEYS.json TRAIL...    KEYS.json is {"<key id>": {"public_key": "<hex>", "role": "operator"}}; no role: an emitter

A line is a record, or an OTLP request in JSON. It needs nothing but Python 3.8, which has no Ed25519: that is a quarter
of it. check_vectors.py runs it over the test vectors. Of orders it does not judge whether what was purged or taken away
had expired, nor standing holds by path or subject: what is gone says neither.
"""
import hashlib, hmac, json, re, sys

GROUPS = {
    "consent": {"/unmapped/consent": None},
    "data_subject": {"/unmapped/data_subject": None},
    "source": {"/http_request/http_headers": None, "/http_request/user_agent": None,
               "/src_endpoint": {"name": "erased"}},
    "subject": {"/actor": {"user": {"name": "erased", "type_id": 0}}},
    "url": {"/http_request/url/path": "/erased", "/http_request/url/query_string": None,
            "/http_request/url/url_string": None},
}
KINDS = "open checkpoint heartbeat close gap config_change tombstone erasure purge hold release".split()
sha256 = lambda *parts: hashlib.sha256(b"".join(parts)).digest()


class Refused(Exception):
    pass


def need(condition, fault):
    if not condition:
        raise Refused(fault)


def parse(text):
    def unique(pairs):
        need(len({name for name, _ in pairs}) == len(pairs), "not_json")
        return dict(pairs)
    try:
        return json.loads(text, object_pairs_hook=unique)
    except ValueError:
        raise Refused("not_json")


def canonical(value):
    """RFC 8785, for the values that records have."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(canonical(name) + ":" + canonical(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    need(not isinstance(value, float) and (not isinstance(value, int) or 0 <= value < 2**53), "not_a_record")
    return json.dumps(value, ensure_ascii=False)


def at(record, pointer):
    for name in pointer.split("/")[1:]:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def without(record, pointers):
    record = json.loads(json.dumps(record))
    for pointer in pointers:
        parent, name = pointer.rsplit("/", 1)
        parent = at(record, parent) if parent else record
        if isinstance(parent, dict):
            parent.pop(name, None)
    return record


def digest(text, length=64):
    need(isinstance(text, str) and re.fullmatch("[0-9a-f]{%d}" % length, text), "not_a_record")
    return bytes.fromhex(text)


def check(text):
    """A line by itself. Answers the record with what others need to know of it."""
    record = parse(text)
    integrity = at(record, "/unmapped/record_integrity")
    need(isinstance(integrity, dict), "not_a_record")
    need(integrity.get("version") == 1, "newer_version")
    sequence = at(record, "/metadata/sequence")
    need(at(record, "/metadata/uid") == "%s:%s" % (integrity.get("chain_uid"), sequence), "not_a_record")
    chain, previous = digest(integrity["chain_uid"], 32), digest(integrity["previous"])
    pointers = [pointer for group in GROUPS.values() for pointer in group]
    hidden = ["/unmapped/record_integrity/" + name for name in ("fingerprint", "salts", "signature")]
    core = sha256(b"\0", canonical(without(record, pointers + hidden)).encode())
    fingerprint = sha256(b"\1", chain, sequence.to_bytes(8, "big"), previous, core)
    need(fingerprint == digest(integrity["fingerprint"]), "wrong_fingerprint")
    erased = []
    for name, members in GROUPS.items():
        value = {pointer: at(record, pointer) for pointer in members if at(record, pointer) is not None}
        commitment = integrity.get("commitments", {}).get(name)
        salt = integrity.get("salts", {}).get(name)
        if commitment and salt and value:
            made = sha256(b"\2", digest(salt, 32), canonical(value).encode())
            need(made == digest(commitment), "wrong_value")
        elif commitment and not salt:
            need(value == {pointer: form for pointer, form in members.items() if form}, "unvouched")
            erased.append(name)
        else:
            need(not (commitment or salt or value), "unvouched")
    control = at(record, "/unmapped/control")
    if control is not None:
        need(control.get("kind") in KINDS, "not_a_record")
        need(("key_id" in control) == ("signature" in integrity), "no_signature")
    need(canonical(record) == text, "not_canonical")
    return {"chain": integrity["chain_uid"], "sequence": sequence, "previous": previous, "core": core,
            "fingerprint": fingerprint, "signature": integrity.get("signature"), "control": control or {},
            "erased": erased, "class": at(record, "/unmapped/retention/class"), "seen": seen(record, erased),
            "time": record.get("time", 0), "required_until": required_until(at(record, "/unmapped/retention") or {})}


def required_until(retention):
    return retention.get("required_until", retention.get("expires", 0))


def from_otlp(request):
    """The records of an OTLP request, each of which must be what stands around it."""
    for resource in request["resourceLogs"]:
        for scope in resource["scopeLogs"]:
            for log in scope["logRecords"]:
                text = log["body"]["stringValue"]
                around = [resource.get("resource", {}), scope.get("scope", {}), log]
                attributes = [a for part in around for a in part.get("attributes", [])]
                agrees(parse(text), log, [(a["key"], str(next(iter(a["value"].values())))) for a in attributes])
                yield text


def agrees(record, log, attributes):
    is_control = at(record, "/unmapped/control") is not None
    is_denied = not is_control and record.get("action_id") == 2
    facts = {"audit.uid": record["metadata"]["uid"], "audit.retention_class": at(record, "/unmapped/retention/class"),
             "audit.decision": "control" if is_control else "denied" if is_denied else "allowed",
             "http.response.status_code": str(at(record, "/http_response/code") or 0)}
    need(all(facts.get(key, value) == value for key, value in attributes), "envelope_differs")
    for name, fact in (("eventName", "audit_control" if is_control else "api_activity"),
                       ("severityNumber", 13 if is_denied else 9), ("traceId", at(record, "/trace/uid") or "")):
        need(log.get(name, fact) == fact, "envelope_differs")
    need(int(log.get("timeUnixNano", record["time"] * 10**6)) // 10**6 == record["time"], "envelope_differs")


def seen(record, erased):
    """The values of each class that the caller got in clear, and of how many people; None for what nobody can tell."""
    unmapped = record["unmapped"]
    if "findings_omitted" in unmapped or unmapped.get("truncated"):
        return None
    people, values = unmapped.get("data_subject", {"uids": []}), {}
    for finding in unmapped.get("findings", []):
        if finding["outcome"] == "seen":
            values[finding["kind"]] = values.get(finding["kind"], 0) + finding["count"]
    number = None if "data_subject" in erased else len(people["uids"]) + people.get("omitted", 0)
    return {"disclosed": values, "disclosed_people": {kind: number for kind in values}}


# Ed25519 (RFC 8032 section 5.1), the strict equation, on affine points.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
add = lambda a, b: tuple(n * pow(1 + s * D * a[0] * b[0] * a[1] * b[1], P - 2, P) % P for n, s in
                         ((a[0] * b[1] + a[1] * b[0], 1), (a[1] * b[1] + a[0] * b[0], -1)))


def point(data):
    y, sign = int.from_bytes(data, "little") & (2**255 - 1), data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    return (P - x if x & 1 != sign else x, y)


def times(number, base):
    result = (0, 1)
    while number:
        result, base, number = add(result, base) if number & 1 else result, add(base, base), number >> 1
    return result


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def is_signed(fingerprint, signature, public_key):
    key, signature = bytes.fromhex(public_key), bytes.fromhex(signature)
    r, a, s = point(signature[:32]), point(key), int.from_bytes(signature[32:], "little")
    if None in (r, a) or s >= L or times(8, a) == (0, 1):
        return False
    message = b"meshward-audit-v1\0" + fingerprint
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return times(s, BASE) == add(r, times(k, a))


def verify(lines, keys):
    """Records in any order: what is missing, what is vouched for, which chains are only named."""
    chains, gaps, heads, missing, covered, signers, ledgers = {}, [], [], [], {}, {}, {}
    for line in (text for line in lines for text in (from_otlp(parse(line)) if '{"resourceLogs"' in line else [line])):
        record = check(line)
        known = chains.setdefault(record["chain"], {}).setdefault(record["sequence"], record)
        need(known["fingerprint"] == record["fingerprint"], "fork")
        control = record["control"]
        if control.get("kind") == "gap":
            gaps.append((record["chain"], control))
        operator = bool(record["signature"]) and keys.get(control["key_id"], {}).get("role") == "operator"
        need(ledgers.setdefault(record["chain"], operator) == operator, "wrong_role")
        if record["signature"]:
            key = keys.get(control["key_id"], {}).get("public_key")
            need(key and is_signed(record["fingerprint"], record["signature"], key), "wrong_signature")
            if not operator:
                signer = signers.setdefault(record["chain"], control["key_id"])
                need(signer == control["key_id"], "key_changed")
            covered[record["chain"]] = max(record["sequence"], covered.get(record["chain"], 0))
            heads += control.get("siblings", []) + [control[n] for n in ("predecessor",) if n in control]
    first = follow([chains[uid] for uid in chains if ledgers[uid]], chains)
    declared = {}
    for by, gap in gaps:
        # Only whoever has the key of a chain, or has taken the place of that key, tells what is lost of it.
        uid = gap.get("chain_uid", by)
        key, of = signers.get(by), signers.get(uid)
        if key == of or None in (key, of) or keys[key].get("succeeds") == of:
            numbers = (range(first, last + 1) for first, last in gap.get("ranges", []))
            declared.setdefault(uid, set()).update(n for numbers in numbers for n in numbers)
    last = {uid: max(records) for uid, records in chains.items()}
    for head in heads:
        uid, sequence = head["chain_uid"], head["sequence"]
        record = chains.get(uid, {}).get(sequence)
        need(not record or record["fingerprint"].hex() == head["fingerprint"], "fork")
        last.update({uid: max(sequence, last[uid])} if uid in last else {})
    for uid, records in chains.items():
        for sequence in range(first.get(uid, 0), last[uid] + 1):
            if sequence not in records and sequence not in declared.get(uid, ()):
                missing.append("%s:%d" % (uid, sequence))
            if sequence in records and sequence - 1 in records:
                need(records[sequence]["previous"] == records[sequence - 1]["fingerprint"], "broken")
        need(len({record["class"] for record in records.values() if "class" in record}) == 1, "class_changed")
        check_statements(records, min(records))
    named = sorted({head["chain_uid"] for head in heads} - set(chains))
    return {"missing": missing, "covered": covered, "named": named}


def follow(ledgers, chains):
    """What operators have ordered, in the order in which it counts: nothing that is held, and nothing without an order.
    Puts the records that were taken away in their places, and answers where chains begin that were purged."""
    first, holds, erased = {}, {}, {}
    for order in in_order(ledgers):
        control, kind = order["control"], order["control"]["kind"]
        if kind == "hold":
            held = holds.setdefault(control["hold"], [])
            held += control.get("targets", []) + control.get("standing", []) or [None]
        elif kind == "release":
            holds.pop(control["hold"], None)
        elif kind in ("tombstone", "purge", "erasure"):
            for uid, low, high in touched(control):
                records = chains.get(uid, {})
                classes = {record.get("class") for record in records.values()}
                is_held = any(keeps(held, uid, low, high, classes) for hold in holds.values() for held in hold)
                need(not is_held, "hold_broken")
                if kind == "erasure":
                    there = [records[sequence] for sequence in records if low <= sequence <= high]
                    early = [record for record in there if order["time"] < record.get("required_until", 0)]
                    need(not early or "before_expiry" in control, "erased_early")
                    erased.setdefault(uid, []).append((low, high, control["groups"]))
            records = chains.get(control.get("chain_uid"), {})
            if kind == "purge" and control["checkpoint"] in records:
                need(records[control["checkpoint"]]["fingerprint"].hex() == control["fingerprint"], "wrong_purge")
                first[control["chain_uid"]] = max(control["checkpoint"], first.get(control["chain_uid"], 0))
            if kind == "tombstone" and records:
                uid, sequence, previous = bytes.fromhex(control["chain_uid"]), control["sequence"], digest(control["previous"])
                fingerprint = sha256(b"\1", uid, sequence.to_bytes(8, "big"), previous, digest(control["core"]))
                records.setdefault(sequence, {"previous": previous, "fingerprint": fingerprint, "signature": None,
                                              "control": {}, "seen": None, "erased": []})
    for uid, records in chains.items():
        for sequence, record in records.items():
            ordered = {group for low, high, groups in erased.get(uid, []) if low <= sequence <= high for group in groups}
            need(set(record["erased"]) <= ordered, "erased_without_order")
    return first


def in_order(ledgers):
    """By time, but in each ledger by number: an entry is no later than those behind it."""
    timed = []
    for ledger in ledgers:
        latest = float("inf")
        for sequence in sorted(ledger, reverse=True):
            latest = min(latest, ledger[sequence]["time"])
            timed.append((latest, ledger[sequence]["chain"], sequence, ledger[sequence]))
    return [order for *_, order in sorted(timed, key=lambda one: one[:3])]


def touched(control):
    """The records that an order is about: chain, first number, last number."""
    if "targets" in control:
        ranges = lambda target: target.get("ranges") or [[0, 2**53]]
        return [(target["chain_uid"], *numbers) for target in control["targets"] for numbers in ranges(target)]
    last = control["sequence"] if "sequence" in control else control["checkpoint"] - 1
    return [(control["chain_uid"], control.get("sequence", 0), last)]


def keeps(held, uid, low, high, classes):
    """Whether a hold keeps some of these records: all, those of a class, or these numbers."""
    if held is None or "by" in held:
        return held is None or held["by"] == "class" and bool(classes & set(held["values"]))
    return any(chain == uid and begin <= high and low <= end for chain, begin, end in touched({"targets": [held]}))


def check_statements(records, whole_from):
    """What signed records state about their chain, each compared with the one before and what is between them."""
    last = {"records": 0, "sequence": None} if whole_from == 0 else None
    signed, between = None, []
    for sequence in range(min(records), max(records) + 1):
        record = records.get(sequence)
        if record is None:
            last, signed, between = None, None, []
            continue
        control = record["control"]
        if not control:
            between.append(record["seen"])
        if "records" in control:
            need(signed in (None, control["previous_checkpoint"]), "contradiction")
            if last is not None:
                need(control["records"] - last["records"] == len(between), "contradiction")
                for member in ("disclosed", "disclosed_people"):
                    check_totals(last.get(member, {}), control.get(member, {}), [s and s[member] for s in between])
            last, between = control, []
        signed = sequence if record["signature"] else signed


def check_totals(before, now, between):
    if not now and not before:
        return  # It states nothing.
    for kind in set(before) | set(now) | {kind for seen in between for kind in seen or {}}:
        known = [0 if seen is None else seen.get(kind, 0) for seen in between]
        more, least = now.get(kind, 0) - before.get(kind, 0), sum(number or 0 for number in known)
        is_all = None not in known and None not in between
        need(more == least if is_all else more >= least, "contradiction")


def log_records(line, key):
    """What stands in a line of a log: text, part, and whether the holder of the key tagged it."""
    found, start = [], 0
    mark = re.compile(r"\[meshward-audit/1 (-|[0-9a-f]{32}) (([0-9]{1,8})(?: (\S+) ([0-9]+)/([0-9]+))?\] )")
    while True:
        match = mark.search(line, start)
        if not match:
            return found
        text = line[match.end():].encode()[:int(match[3])].decode(errors="ignore")
        if len(text.encode()) < int(match[3]):
            start = match.start() + 1
            continue
        tag = hmac.new(key, (match[2] + text).encode(), "sha256").hexdigest()[:32]
        found.append((text, match[4] and (match[4], int(match[5]), int(match[6])), tag == match[1]))
        start = match.end() + len(text)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    found = verify((line.rstrip("\r\n") for name in sys.argv[2:] for line in open(name, encoding="utf-8", newline="\n")),
                   parse(open(sys.argv[1], encoding="utf-8").read()))
    print(json.dumps(found, indent=2))
    sys.exit(1 if found["missing"] or found["named"] else 0)
