"""Packs a WebAssembly module as an OCI image layout, in the two forms that proxies fetch.

    oci_layout.py MODULE.wasm FOLDER --version 0.1.0 --revision COMMIT --title NAME --description TEXT

`FOLDER` becomes an OCI image layout (image-spec 1.1) with two tags:

- `0.1.0`, an ordinary image of one layer with the file `/plugin.wasm` (the "compat" form of the Wasm image
  specification): what Istio, Envoy Gateway and Higress document, and what every registry takes.
- `0.1.0-wasm`, the artifact form: a Wasm configuration and the module itself as the layer.

The same module and arguments give the same bytes: nothing here reads a clock, a user or a random number.
Push one with `skopeo copy oci:FOLDER:0.1.0 docker://registry.example.com/meshward/NAME:0.1.0`, or with
`oras copy --from-oci-layout FOLDER:0.1.0 registry.example.com/meshward/NAME:0.1.0`.
"""

import argparse
import gzip
import hashlib
import io
import json
import pathlib
import shutil
import sys
import tarfile

SOURCE = "https://github.com/meshward/meshward"
LICENSES = "Apache-2.0"


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


class Layout:
    """An image layout that is being written: blobs by their digest, and an index of tags."""

    def __init__(self, folder):
        self.folder = folder
        self.manifests = []
        (folder / "blobs" / "sha256").mkdir(parents=True)

    def blob(self, media_type, content, **more):
        digest = hashlib.sha256(content).hexdigest()
        (self.folder / "blobs" / "sha256" / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content), **more}

    def tag(self, name, config, layer, annotations):
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config,
            "layers": [layer],
            "annotations": annotations,
        }
        reference = {"org.opencontainers.image.ref.name": name}
        self.manifests.append(
            self.blob(manifest["mediaType"], canonical(manifest), annotations=reference)
        )

    def finish(self):
        index = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": self.manifests,
        }
        (self.folder / "index.json").write_bytes(canonical(index))
        (self.folder / "oci-layout").write_bytes(canonical({"imageLayoutVersion": "1.0.0"}))


def layer_of(module):
    """A tar with one file, owned by nobody in particular and of no date."""
    entry = tarfile.TarInfo("plugin.wasm")
    entry.size = len(module)
    entry.mode = 0o644
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(entry, io.BytesIO(module))
    return tar.getvalue()


def pack(module, folder, version, annotations):
    layout = Layout(folder)

    tar = layer_of(module)
    image = {
        # What `FROM scratch` gives; proxies look at the file, not at the platform.
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": annotations},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}"]},
        "history": [{"created_by": "COPY plugin.wasm /plugin.wasm"}],
    }
    layout.tag(
        version,
        layout.blob("application/vnd.oci.image.config.v1+json", canonical(image)),
        layout.blob(
            "application/vnd.oci.image.layer.v1.tar+gzip", gzip.compress(tar, 9, mtime=0)
        ),
        annotations | {"module.wasm.image/variant": "compat"},
    )

    layout.tag(
        f"{version}-wasm",
        layout.blob("application/vnd.module.wasm.config.v1+json", canonical({"type": "envoy_proxy"})),
        layout.blob(
            "application/vnd.module.wasm.content.layer.v1+wasm",
            module,
            annotations={"org.opencontainers.image.title": "plugin.wasm"},
        ),
        annotations,
    )
    layout.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("module", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    for name in ("version", "revision", "title", "description"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()

    module = arguments.module.read_bytes()
    if module[:8] != b"\0asm\1\0\0\0":
        sys.exit(f"{arguments.module}: not a WebAssembly module of version 1")
    annotations = {
        "org.opencontainers.image.title": arguments.title,
        "org.opencontainers.image.description": arguments.description,
        "org.opencontainers.image.version": arguments.version,
        "org.opencontainers.image.revision": arguments.revision,
        "org.opencontainers.image.source": SOURCE,
        "org.opencontainers.image.licenses": LICENSES,
    }
    shutil.rmtree(arguments.folder, ignore_errors=True)
    pack(module, arguments.folder, arguments.version, annotations)


if __name__ == "__main__":
    main()
