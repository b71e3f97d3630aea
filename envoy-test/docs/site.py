"""Makes a site of the documents of the repository with mdBook, and checks every link within it.

    site.py MDBOOK FOLDER

The documents stay where they are, beside what they describe: SUMMARY.md here only says in which order the site
has them. What they link to and is no document is linked to in the repository.
"""

import html.parser
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
PICTURES = {".svg", ".png"}


def repository():
    with open(ROOT / "Cargo.toml", "rb") as file:
        return tomllib.load(file)["workspace"]["package"]["repository"]


def chapters():
    text = (HERE / "SUMMARY.md").read_text(encoding="utf-8")
    return [(HERE / path).resolve().relative_to(ROOT) for path in re.findall(r"\]\((.+?\.md)\)", text)]


def copied(path, source, known, url):
    """Writes a document into the book; its links to what the book does not have go to the repository."""

    def link(match):
        target, hash_, anchor = match[2].partition("#")
        if not target or "://" in target or target.startswith("mailto:"):
            return match[0]
        real = (ROOT / path.parent / target).resolve().relative_to(ROOT)
        if real in known:
            return match[0]
        if real.suffix in PICTURES:
            (source / real).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / real, source / real)
            return match[0]
        kind = "tree" if (ROOT / real).is_dir() else "blob"
        return f"{match[1]}{url}/{kind}/main/{real}{hash_}{anchor}{match[3]}"

    parts = re.split(r"(^```.*?^```[^\n]*\n)", (ROOT / path).read_text(encoding="utf-8"), flags=re.M | re.S)
    # Every second part is code.
    parts[::2] = [LINK.sub(link, part) for part in parts[::2]]
    (source / path).parent.mkdir(parents=True, exist_ok=True)
    (source / path).write_text("".join(parts), encoding="utf-8")


class Page(html.parser.HTMLParser):
    """The links of a page and the places in it that others may link to."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.update(filter(None, (attributes.get("id"), attributes.get("name"))))
        self.links.extend(filter(None, (attributes.get("href"), attributes.get("src"))))


def broken(folder):
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}
    for path, page in pages.items():
        # The page of what is not found is read from anywhere.
        for link in page.links if path.name not in ("404.html", "toc.html") else []:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path
            if parts.path:
                target = pathlib.Path(os.path.normpath(path.parent / urllib.parse.unquote(parts.path)))
            if not target.exists():
                yield f"{path.relative_to(folder)}: there is no {link}"
            elif parts.fragment and target in pages and urllib.parse.unquote(parts.fragment) not in pages[target].ids:
                yield f"{path.relative_to(folder)}: there is no place {link}"


def main():
    mdbook, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    source, url = folder / "source", repository()
    source.mkdir(parents=True)
    known = chapters()
    for path in known:
        copied(path, source, known, url)
    summary = (HERE / "SUMMARY.md").read_text(encoding="utf-8")
    own = re.sub(r"\]\((.+?\.md)\)", lambda match: f"]({(HERE / match[1]).resolve().relative_to(ROOT)})", summary)
    (source / "SUMMARY.md").write_text(own, encoding="utf-8")
    # READMEs keep their names, so that links to them stay what they are.
    (folder / "book.toml").write_text(
        f"""[book]
title = "Meshward"
language = "en"
src = "source"

[build]
build-dir = "site"
create-missing = false
use-default-preprocessors = false

[output.html]
git-repository-url = "{url}"
""",
        encoding="utf-8",
    )
    subprocess.run([mdbook, "build", str(folder)], check=True)
    faults = list(broken(folder / "site"))
    if faults:
        sys.exit("\n".join(faults))
    print(f"{folder / 'site' / 'index.html'}: {len(known)} documents")


if __name__ == "__main__":
    main()
