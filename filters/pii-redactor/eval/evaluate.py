"""Recall and precision of pii-redactor and Presidio on the same corpus, and the agreement with two oracles.

    evaluate.py <meshward> [documents]
"""

import bisect
import importlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import corpus

# The kinds that are compared, and what Presidio calls them.
SHARED = {
    "EMAIL": "EMAIL_ADDRESS", "CREDIT_CARD": "CREDIT_CARD", "IBAN": "IBAN_CODE", "US_SSN": "US_SSN",
    "US_ITIN": "US_ITIN", "PHONE": "PHONE_NUMBER", "IP_ADDRESS": "IP_ADDRESS", "CRYPTO": "CRYPTO", "UK_NHS": "UK_NHS",
    "UK_NINO": "UK_NINO", "ES_NIF": "ES_NIF", "ES_NIE": "ES_NIE", "IT_FISCAL_CODE": "IT_FISCAL_CODE",
    "PL_PESEL": "PL_PESEL", "FI_PERSONAL_IDENTITY_CODE": "FI_PERSONAL_IDENTITY_CODE", "AU_TFN": "AU_TFN",
    "IN_PAN": "IN_PAN", "MEDICAL_LICENSE": "MEDICAL_LICENSE", "MAC_ADDRESS": "MAC_ADDRESS",
}
OURS_ONLY = ["JWT"]
CHECKED = {
    "CREDIT_CARD", "IBAN", "CRYPTO", "UK_NHS", "ES_NIF", "ES_NIE", "IT_FISCAL_CODE", "PL_PESEL",
    "FI_PERSONAL_IDENTITY_CODE", "AU_TFN", "MEDICAL_LICENSE",
}
# Kind, the name of a member that announces it, the oracle, and forms to try.
ORACLES = [
    ("CREDIT_CARD", "card_number", "luhn", ["4999999999999999", "5199999999999999", "379999999999999"]),
    ("ABA_ROUTING_NUMBER", "routing_number", "us.rtn", ["019999999", "119999999", "219999999", "619999999"]),
    ("UK_NHS", "nhs_number", "gb.nhs", ["9999999999"]),
    ("CA_SIN", "sin", "ca.sin", ["199999999", "499999999", "799999999"]),
    ("AU_TFN", "tfn", "au.tfn", ["999999999"]),
    ("AU_ABN", "abn", "au.abn", ["99999999999"]),
    ("AU_ACN", "acn", "au.acn", ["999999999"]),
    ("NZ_IRD", "ird", "nz.ird", ["049999999", "109999999"]),
    ("IN_AADHAAR", "aadhaar", "in_.aadhaar", ["399999999999"]),
    ("ES_NIF", "nif", "es.dni", ["99999999A"]),
    ("ES_NIE", "nie", "es.nie", ["X9999999A"]),
    ("PL_PESEL", "pesel", "pl.pesel", ["80010199999", "75123199999"]),
    ("FI_PERSONAL_IDENTITY_CODE", "hetu", "fi.hetu", ["010180-099X", "311275-499X"]),
    ("SE_PERSONNUMMER", "personnummer", "se.personnummer", ["800101-9999"]),
    ("DE_TAX_ID", "steuer_id", "de.idnr", ["99999999999"]),
    ("DE_VAT_ID", "ust_id", "de.vat", ["DE999999999"]),
    ("NL_BSN", "bsn", "nl.bsn", ["999999999"]),
    ("BE_NRN", "nrn", "be.nn", ["80010199999"]),
    ("PT_NIF", "nif", "pt.nif", ["299999999"]),
    ("CZ_RC", "rodne_cislo", "cz.rc", ["8001019999", "7556159999"]),
    ("RO_CNP", "cnp", "ro.cnp", ["1800101409999"]),
    ("BG_EGN", "egn", "bg.egn", ["8001019999"]),
    ("GR_AFM", "afm", "gr.vat", ["999999999"]),
    ("IE_PPS", "pps", "ie.pps", ["9999999A"]),
    ("LT_PERSONAL_CODE", "asmens_kodas", "lt.asmens", ["38001019999"]),
    ("EE_PERSONAL_CODE", "isikukood", "ee.ik", ["38001019999"]),
    ("HR_OIB", "oib", "hr.oib", ["99999999999"]),
    ("SI_EMSO", "emso", "si.emso", ["0101980509999"]),
    ("NO_FNR", "fnr", "no.fodselsnummer", ["01018099999"]),
    ("CH_AHV", "ahv", "ch.ssn", ["7569999999999"]),
    ("BR_CPF", "cpf", "br.cpf", ["99999999999"]),
    ("BR_CNPJ", "cnpj", "br.cnpj", ["99999999000199"]),
    ("CN_RESIDENT_ID", "id_card", "cn.ric", ["110101188001019999", "11010118800101999X"]),
    ("TR_NATIONAL_ID", "tckn", "tr.tckimlik", ["19999999999"]),
    ("TH_TNIN", "thai_id", "th.pin", ["1999999999999"]),
    ("IT_VAT_CODE", "partita_iva", "it.iva", ["99999990159", "99999990589"]),
    ("SG_UEN", "uen", "sg.uen", ["99999999A"]),
]


class Ours:
    def __init__(self, meshward):
        self.meshward = meshward
        self.folder = tempfile.TemporaryDirectory()
        self.config = Path(self.folder.name) / "rules.json"

    def find(self, kinds, texts, content_type):
        """The findings of each text, all texts together as lines of one body."""
        self.config.write_text(json.dumps({"rules": [{"name": "eval", "detect": sorted(kinds)}]}))
        body = "\n".join(texts) + "\n"
        command = [self.meshward, "redact", "--config", str(self.config), "--explain=json", "--content-type", content_type]
        output = subprocess.run(command, input=body, capture_output=True, text=True, check=True).stdout
        starts, at = [], 0
        for text in texts:
            starts.append(at)
            at += len(text) + 1
        found = [[] for _ in texts]
        for line in output.splitlines():
            finding = json.loads(line)
            place = bisect.bisect_right(starts, finding["offset"]) - 1
            start = finding["offset"] - starts[place]
            found[place].append((finding["type"], start, start + finding["length"]))
        return found


def presidio():
    """Presidio without a model of language: its patterns, checks and words."""
    import logging

    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry, predefined_recognizers
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    logging.disable(logging.WARNING)
    # Without the network the list of suffixes cannot be fetched anew for each address.
    offline = tldextract.TLDExtract(suffix_list_urls=())
    tldextract.extract = offline
    tldextract.tldextract.extract = offline

    class Blank(SpacyNlpEngine):
        def __init__(self):
            super().__init__()
            self.nlp = {"en": spacy.blank("en")}

        def is_loaded(self):
            return True

        def load(self):
            pass

    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    # Its recognizers of other countries are off by default; the comparison is with all that it can do.
    loaded = {entity for recognizer in registry.recognizers for entity in recognizer.supported_entities}
    for name in dir(predefined_recognizers):
        recognizer = getattr(predefined_recognizers, name)
        if not isinstance(recognizer, type) or not name.endswith("Recognizer"):
            continue
        try:
            made = recognizer(supported_language="en")
        except Exception:  # noqa: BLE001, those that need a model or a service
            continue
        wanted = set(made.supported_entities) & set(SHARED.values())
        if wanted - loaded:
            registry.add_recognizer(made)
            loaded |= set(made.supported_entities)
    engine = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])
    entities = sorted(set(SHARED.values()) & loaded)
    names = {theirs: ours for ours, theirs in SHARED.items()}

    def find(texts):
        found = []
        for text in texts:
            results = engine.analyze(text=text, language="en", entities=entities, score_threshold=0.4)
            found.append([(names[result.entity_type], result.start, result.end) for result in results])
        return found

    return find, {names[entity] for entity in entities}


def score(documents, found):
    """Gold, found and false by kind: found is what covers at least 80 % of a gold span of its kind."""
    counts = defaultdict(lambda: [0, 0, 0])
    misses = []
    for document, spans in zip(documents, found):
        for gold in document["spans"]:
            length = gold["end"] - gold["start"]
            covers = lambda start, end: min(end, gold["end"]) - max(start, gold["start"]) >= 0.8 * length
            hit = any(kind == gold["type"] and covers(start, end) for kind, start, end in spans)
            counts[gold["type"]][0] += 1
            counts[gold["type"]][1] += hit
            if not hit:
                misses.append((gold["type"], document["text"][gold["start"] : gold["end"]], document["text"][:200]))
        for kind, start, end in spans:
            right = any(kind == gold["type"] and start < gold["end"] and gold["start"] < end for gold in document["spans"])
            counts[kind][2] += not right
            if not right:
                misses.append(("FALSE " + kind, document["text"][start:end], document["text"][max(0, start - 60) : end + 20]))
    return counts, misses


def ratio(part, whole):
    return part / whole if whole else float("nan")


def oracles(ours):
    """Numbers with and without right check digits: the same ones must be right for both."""
    r = random.Random(corpus.SEED)
    print("\nAgreement with python-stdnum, numbers of a form with and without a right check digit\n")
    print(f"{'kind':28} {'numbers':>8} {'valid':>7} {'agree':>8}")
    total, agreed_in_all = 0, 0
    for kind, member, module, templates in ORACLES:
        oracle = importlib.import_module(f"stdnum.{module}")
        numbers = [corpus.fill(r, r.choice(templates)) for _ in range(400)]
        # Enough right ones: change the end until it is.
        for _ in range(100):
            for _ in range(2000):
                number = corpus.fill(r, r.choice(templates))
                if oracle.is_valid(number):
                    numbers.append(number)
                    break
        texts = [json.dumps({member: number}) for number in numbers]
        found = ours.find({kind}, texts, "application/x-ndjson")
        agree = 0
        for number, spans in zip(numbers, found):
            same = bool(spans) == oracle.is_valid(number)
            agree += same
            if not same and "-v" in sys.argv:
                print("   ", kind, number, "found" if spans else "not found")
        valid = sum(oracle.is_valid(number) for number in numbers)
        print(f"{kind:28} {len(numbers):8} {valid:7} {agree / len(numbers):8.4f}")
        total, agreed_in_all = total + len(numbers), agreed_in_all + agree
    print(f"{'all':28} {total:8} {'':7} {agreed_in_all / total:8.4f}")


def phones(ours):
    import phonenumbers

    r = random.Random(corpus.SEED)
    valid, invalid = [], []
    while len(valid) < 2000 or len(invalid) < 500:
        digits = "".join(r.choice("0123456789") for _ in range(r.randint(7, 13)))
        code = r.choice(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
        text = f"+{code}{digits}"
        try:
            number = phonenumbers.parse(text)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            valid.append(text)
        elif not phonenumbers.is_possible_number(number):
            invalid.append(text)
    count = lambda texts: sum(bool(spans) for spans in ours.find({"PHONE"}, texts, "text/plain"))
    print("\nAgreement with phonenumbers, numbers with + of all countries\n")
    print(f"valid and found: {count(valid) / len(valid):.4f} of {len(valid)}")
    print(f"impossible and found: {count(invalid) / len(invalid):.4f} of {len(invalid)}")


def main():
    ours = Ours(sys.argv[1])
    numbers = [argument for argument in sys.argv[2:] if argument.isdigit()]
    count = int(numbers[0]) if numbers else 6000
    documents = list(corpus.generate(count))
    kinds = set(SHARED) | set(OURS_ONLY)
    mine = [[] for _ in documents]
    started = time.monotonic()
    for kind, content_type in [("json", "application/x-ndjson"), ("text", "text/plain")]:
        chosen = [place for place, document in enumerate(documents) if document["kind"] == kind]
        for place, found in zip(chosen, ours.find(kinds, [documents[place]["text"] for place in chosen], content_type)):
            mine[place] = found
    our_seconds = time.monotonic() - started
    find, their_kinds = presidio()
    started = time.monotonic()
    theirs = find([document["text"] for document in documents])
    their_seconds = time.monotonic() - started

    size = sum(len(document["text"]) for document in documents) / 1e6
    print(f"{count} documents, {size:.2f} MB, half JSON and half prose, seed {corpus.SEED}")
    print(f"pii-redactor (with starting it): {size / our_seconds:.2f} MB/s; presidio-analyzer: {size / their_seconds:.3f} MB/s\n")
    (our_counts, our_misses), (their_counts, _) = score(documents, mine), score(documents, theirs)
    print(f"{'':28} {'':>6} {'pii-redactor':^17} {'presidio':^17}")
    print(f"{'kind':28} {'gold':>6} {'recall':>8} {'false':>8} {'recall':>8} {'false':>8}")
    failures = []
    for kind in sorted(kinds):
        gold, hits, false = our_counts[kind]
        _, their_hits, their_false = their_counts[kind]
        known = kind in their_kinds
        recall = ratio(hits, gold)
        row = f"{kind:28} {gold:6} {recall:8.4f} {false:8}"
        print(row + (f" {ratio(their_hits, gold):8.4f} {their_false:8}" if known else f" {'-':>8} {'-':>8}"))
        if known and hits < their_hits:
            failures.append(f"{kind}: recall below Presidio's")
        if kind in CHECKED and recall < 0.99:
            failures.append(f"{kind}: recall below 0.99")
    total = lambda counts, column: sum(values[column] for kind, values in counts.items() if kind in kinds)
    precision = lambda counts: ratio(total(counts, 1), total(counts, 1) + total(counts, 2))
    print(f"\nprecision over all kinds: pii-redactor {precision(our_counts):.4f}, presidio {precision(their_counts):.4f}")
    if precision(our_counts) < 0.98:
        failures.append("precision below 0.98")

    clean = list(corpus.clean(4000))
    clean_size = sum(map(len, clean)) / 1e6
    ours.config.write_text(json.dumps({"presets": ["gdpr", "ccpa", "hipaa", "pci", "secrets"]}))
    command = [sys.argv[1], "redact", "--config", str(ours.config), "--explain=json", "--content-type", "application/x-ndjson"]
    output = subprocess.run(command, input="\n".join(clean) + "\n", capture_output=True, text=True, check=True).stdout
    false = [json.loads(line) for line in output.splitlines()]
    print(f"clean JSON, all presets: {len(false)} findings in {clean_size:.2f} MB, {len(false) / clean_size:.2f} for each MB")
    if len(false) / clean_size >= 1:
        failures.append("one or more false findings for each MB of clean JSON")
    if "-v" in sys.argv:
        for miss in our_misses[:60]:
            print("   ", miss)
        for finding in false[:40]:
            print("   ", finding)
    phones(ours)
    oracles(ours)
    if failures:
        print("\nbelow the target:\n  " + "\n  ".join(failures))
        sys.exit(1)
    print("\nall targets reached")


if __name__ == "__main__":
    main()
