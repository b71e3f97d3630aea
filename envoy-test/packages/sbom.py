"""Makes a bill of materials the same on every machine, and prints it.

    sbom.py BOM.json ROOT

Takes out what names the machine it was made on (a random serial number, the time, paths below ROOT), and
sorts what has no order.
"""

import json
import pathlib
import sys


def main():
    file, root = sys.argv[1:]
    text = pathlib.Path(file).read_text(encoding="utf-8")
    bom = json.loads(text.replace(f"file://{root}", "file:///meshward").replace(root, "/meshward"))
    bom.pop("serialNumber", None)
    bom.get("metadata", {}).pop("timestamp", None)
    bom["components"].sort(key=lambda component: component["bom-ref"])
    for dependency in bom.get("dependencies", []):
        dependency.get("dependsOn", []).sort()
    bom.get("dependencies", []).sort(key=lambda dependency: dependency["ref"])
    print(json.dumps(bom, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
