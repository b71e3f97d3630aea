"""A labelled corpus, the same for the same seed: personal data in prose and in JSON, and what looks like it.

Each document is a line of JSON (`kind` "json") or of text (`kind` "text"), in ASCII, with the places of what is in it.
"""

import hashlib
import json
import random
import string
import uuid

import phonenumbers
import stdnum.au.tfn
import stdnum.es.nif
import stdnum.es.nie
import stdnum.fi.hetu
import stdnum.gb.nhs
import stdnum.pl.pesel
import stdnum.us.itin
from faker import Faker

SEED = 20261124
LOCALES = ["en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL"]


def fill(random_, template):
    pools = {"9": string.digits, "A": string.ascii_uppercase, "X": string.digits + string.ascii_uppercase}
    return "".join(random_.choice(pools[sign]) if sign in pools else sign for sign in template)


def valid(random_, module, *templates):
    """A number of a random form that the module takes for valid."""
    while True:
        number = fill(random_, random_.choice(templates))
        if "D" in number:
            day = "%02d%02d%02d" % (random_.randint(1, 28), random_.randint(1, 12), random_.randint(40, 99))
            number = number.replace("DDMMYY", day).replace("YYMMDD", day[4:] + day[2:4] + day[:2])
        if module.is_valid(number):
            return number


def grouped(number, size, sign):
    return sign.join(number[at : at + size] for at in range(0, len(number), size))


class Values:
    """Personal data by kind, and look-alikes."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        Faker.seed(seed)
        self.fakers = {locale: Faker(locale) for locale in LOCALES}
        self.us = self.fakers["en_US"]
        self.regions = sorted(region for region in phonenumbers.SUPPORTED_REGIONS if region != "AC")

    def email(self):
        return self.us.ascii_email()

    def card(self):
        number = self.us.credit_card_number()
        # Some that it invents begin like no card of any issuer.
        while number[0] == "0" or number[:2] == "35" and not 3528 <= int(number[:4]) <= 3589:
            number = self.us.credit_card_number()
        if len(number) in (15, 16) and self.random.random() < 0.5:
            sign = self.random.choice(" -")
            return grouped(number, 4, sign) if len(number) == 16 else f"{number[:4]}{sign}{number[4:10]}{sign}{number[10:]}"
        return number

    def iban(self):
        number = self.fakers[self.random.choice(LOCALES[1:])].iban()
        return grouped(number, 4, " ") if self.random.random() < 0.4 else number

    def ssn(self):
        return self.us.ssn()

    def itin(self):
        return valid(self.random, stdnum.us.itin, "999-99-9999")

    def phone(self, form=None):
        while True:
            region = self.random.choice(["US", "US", "US", "GB", "DE", "FR", "ES", "IT", "NL"] + self.regions)
            example = phonenumbers.example_number(region)
            national = str(example.national_number)
            national = national[:3] + fill(self.random, "9" * (len(national) - 3))
            try:
                number = phonenumbers.parse(national, region)
            except phonenumbers.NumberParseException:
                continue
            if not phonenumbers.is_valid_number(number):
                continue
            formats = phonenumbers.PhoneNumberFormat
            form = form if form is not None else self.random.choice([formats.E164, formats.INTERNATIONAL])
            return phonenumbers.format_number(number, form)

    def national_phone(self):
        return self.phone(phonenumbers.PhoneNumberFormat.NATIONAL)

    def us_phone(self):
        area, exchange = self.random.randint(200, 989), self.random.randint(200, 999)
        line = self.random.randint(0, 9999)
        if area % 100 == 11 or exchange % 100 == 11:
            return self.us_phone()
        return self.random.choice(["(%d) %d-%04d", "%d-%d-%04d"]) % (area, exchange, line)

    def ip(self):
        return self.random.choice([self.us.ipv4_public, self.us.ipv4_private, self.us.ipv6])()

    def mac(self):
        return self.us.mac_address()

    def crypto(self):
        alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
        payload = b"\x00" + self.random.randbytes(20)
        data = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
        value, text = int.from_bytes(data, "big"), ""
        while value:
            value, digit = divmod(value, 58)
            text = alphabet[digit] + text
        return "1" * (len(data) - len(data.lstrip(b"\x00"))) + text

    def nhs(self):
        number = valid(self.random, stdnum.gb.nhs, "9999999999")
        return f"{number[:3]} {number[3:6]} {number[6:]}" if self.random.random() < 0.5 else number

    def nino(self):
        while True:
            number = fill(self.random, "AA999999") + self.random.choice("ABCD")
            if number[0] in "DFIQUV" or number[1] in "DFIOQUV" or number[:2] in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ"):
                continue
            return number

    def nif(self):
        return valid(self.random, stdnum.es.nif, "99999999A")

    def nie(self):
        number = self.random.choice("XYZ") + fill(self.random, "9999999")
        return number + stdnum.es.nie.calc_check_digit(number)

    def fiscal_code(self):
        return self.fakers["it_IT"].ssn()

    def pesel(self):
        return valid(self.random, stdnum.pl.pesel, "YYMMDD99999")

    def hetu(self):
        return valid(self.random, stdnum.fi.hetu, "DDMMYY-999X")

    def tfn(self):
        return valid(self.random, stdnum.au.tfn, "999999999")

    def pan(self):
        return fill(self.random, "AAA") + self.random.choice("ABCFGHJLPT") + fill(self.random, "A9999A").replace("0000", "0001")

    def dea(self):
        digits = fill(self.random, "999999")
        odd, even = sum(map(int, digits[::2])), sum(map(int, digits[1::2]))
        return self.random.choice("ABFGM") + fill(self.random, "A") + digits + str((odd + 2 * even) % 10)

    def jwt(self):
        import base64

        encode = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
        signature = base64.urlsafe_b64encode(self.random.randbytes(32)).decode().rstrip("=")
        return f'{encode({"alg": "HS256", "typ": "JWT"})}.{encode({"sub": self.us.user_name()})}.{signature}'

    def lookalike(self):
        """A name and a value of something that is no personal data."""
        r = self.random
        return r.choice(
            [
                lambda: ("order_id", fill(r, "9999999999")),
                lambda: ("order_number", fill(r, "4999999999999999")),
                lambda: ("id", r.randint(1, 10**18)),
                lambda: ("uuid", str(uuid.UUID(int=r.getrandbits(128)))),
                lambda: ("trace_id", fill(r, "9" * 6) + "%026x" % r.getrandbits(104)),
                lambda: ("sha256", "%064x" % r.getrandbits(256)),
                lambda: ("commit", "%040x" % r.getrandbits(160)),
                lambda: ("timestamp", 1600000000 + r.randint(0, 10**8)),
                lambda: ("ts_ms", (1600000000 + r.randint(0, 10**8)) * 1000 + r.randint(0, 999)),
                lambda: ("created_at", self.us.iso8601()),
                lambda: ("version", "%d.%d.%d" % (r.randint(0, 30), r.randint(0, 30), r.randint(0, 999))),
                lambda: ("build_version", "%d.%d.%d.%d" % (r.randint(0, 30), r.randint(0, 30), r.randint(0, 255), r.randint(0, 255))),
                lambda: ("price", round(r.random() * 10000, 2)),
                lambda: ("total", "EUR %d.%02d" % (r.randint(0, 99999), r.randint(0, 99))),
                lambda: ("tracking", fill(r, "1Z999AA10123456784").replace("X", "9")),
                lambda: ("isbn", "978-" + fill(r, "9-999-99999-9")),
                lambda: ("sku", fill(r, "AAA-99999-AA")),
                lambda: ("date", self.us.date()),
                lambda: ("color", "#%06x" % r.getrandbits(24)),
                lambda: ("blob", fill(r, "X" * 60) + "=="),
                lambda: ("size", r.randint(0, 10**10)),
                lambda: ("ratio", r.random()),
                lambda: ("invoice", "INV-" + fill(r, "999999999")),
                lambda: ("status", r.choice(["pending", "shipped", "ok"])),
            ]
        )()


# Kind, how the value is made, names of members that hold it, and how prose speaks of it.
KINDS = [
    ("EMAIL", "email", ["email", "contact_email", "userEmail", "text"], ["Write to {} today.", "Contact: {}", "{} has asked for it."]),
    ("CREDIT_CARD", "card", ["card_number", "cardNumber", "pan", "payment", "text"], ["Paid with {} yesterday.", "My card is {}.", "Charge {} please"]),
    ("IBAN", "iban", ["iban", "bank_account", "text"], ["Transfer to {} now.", "IBAN {}"]),
    ("US_SSN", "ssn", ["ssn", "social_security_number", "text"], ["My SSN is {}.", "Social security {} on file", "Identified by {}."]),
    ("US_ITIN", "itin", ["itin", "tax_id"], ["ITIN: {}", "My ITIN is {}."]),
    ("PHONE", "phone", ["phone", "mobile", "text", "contactNumber"], ["Call {} now", "Reach me at {}.", "{} is my number"]),
    ("PHONE", "us_phone", ["phone", "phone_number", "text"], ["Call {} now", "My number is {}."]),
    ("PHONE", "national_phone", ["phone", "mobile_phone"], ["My phone number is {}.", "Call {} after five"]),
    ("IP_ADDRESS", "ip", ["ip", "client_ip", "remote_addr", "text"], ["Login from {} failed", "The request came from {}."]),
    ("MAC_ADDRESS", "mac", ["mac", "mac_address"], ["The device {} joined"]),
    ("CRYPTO", "crypto", ["wallet", "btc_address"], ["Send it to {} please"]),
    ("UK_NHS", "nhs", ["nhs_number", "nhs"], ["NHS number {}", "My NHS number is {}."]),
    ("UK_NINO", "nino", ["nino", "national_insurance"], ["NI number {}", "National insurance {} it is"]),
    ("ES_NIF", "nif", ["nif", "dni"], ["NIF {}", "con DNI {}."]),
    ("ES_NIE", "nie", ["nie"], ["NIE {}"]),
    ("IT_FISCAL_CODE", "fiscal_code", ["codice_fiscale"], ["codice fiscale {}"]),
    ("PL_PESEL", "pesel", ["pesel"], ["PESEL {}"]),
    ("FI_PERSONAL_IDENTITY_CODE", "hetu", ["hetu"], ["henkilotunnus {}"]),
    ("AU_TFN", "tfn", ["tfn", "tax_file_number"], ["TFN {}", "tax file number {}"]),
    ("IN_PAN", "pan", ["pan_number"], ["PAN card {}"]),
    ("MEDICAL_LICENSE", "dea", ["dea_number"], ["DEA {}", "prescriber {}"]),
    ("JWT", "jwt", ["token", "text"], ["Use {} once"]),
]


class Document:
    def __init__(self):
        self.text, self.spans = "", []

    def add(self, text):
        self.text += text

    def value(self, kind, text):
        self.spans.append({"start": len(self.text), "end": len(self.text) + len(text), "type": kind})
        self.text += text


def is_ascii(text):
    return all(31 < ord(sign) < 127 for sign in text)


def generate(count, seed=SEED):
    values = Values(seed)
    r = values.random
    for number in range(count):
        document = Document()
        chosen = [r.choice(KINDS) for _ in range(r.randint(0, 3))]
        if number % 2:
            members = [("like", None)] * r.randint(2, 6) + [("pii", kind) for kind in chosen]
            r.shuffle(members)
            document.add("{")
            for place, (what, kind) in enumerate(members):
                document.add(", " if place else "")
                if what == "like":
                    name, value = values.lookalike()
                    document.add(f"{json.dumps(name)}: {json.dumps(value)}")
                    continue
                label, maker, names, sentences = kind
                name, text = r.choice(names), getattr(values, maker)()
                if not is_ascii(text):
                    continue
                if name == "text":
                    before, after = r.choice(sentences).split("{}")
                    document.add(f'"note": "{before}')
                    document.value(label, text)
                    document.add(f'{after}"')
                else:
                    document.add(f"{json.dumps(name)}: \"")
                    document.value(label, text)
                    document.add('"')
            document.add("}")
            yield {"kind": "json", "text": document.text, "spans": document.spans}
        else:
            document.add(values.us.sentence(nb_words=6) + " ")
            for label, maker, _, sentences in chosen:
                text = getattr(values, maker)()
                if not is_ascii(text):
                    continue
                before, after = r.choice(sentences).split("{}")
                document.add(before)
                document.value(label, text)
                document.add(after + " " + values.us.sentence(nb_words=5) + " ")
            for _ in range(r.randint(0, 2)):
                name, value = values.lookalike()
                document.add(f"The {name.replace('_', ' ')} {value} was seen. ")
            yield {"kind": "text", "text": document.text.strip(), "spans": document.spans}


def clean(count, seed=SEED + 1):
    """Documents without any personal data."""
    values = Values(seed)
    for _ in range(count):
        members = [values.lookalike() for _ in range(values.random.randint(5, 15))]
        document = dict(members, items=[dict([values.lookalike() for _ in range(4)]) for _ in range(3)])
        document["note"] = values.us.sentence(nb_words=8)
        yield json.dumps(document)


if __name__ == "__main__":
    import sys

    for document in generate(int(sys.argv[1]) if len(sys.argv) > 1 else 10):
        print(json.dumps(document))
