#!/usr/bin/env bash
# A compiler that lints what it compiles: clippy, as RUSTC_WORKSPACE_WRAPPER of cargo.
#
# A run of clippy by itself checks every dependency and every crate once more than the tests compile them anyway.
set -euo pipefail

exec clippy-driver "$@" -D warnings
