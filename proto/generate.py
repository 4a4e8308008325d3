"""Generates the contract's Python into proto/generated, never committed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parent


def main() -> int:
    """Generate messages and their type stubs for every proto; returns protoc's exit code."""
    out = ROOT / "generated"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    protos = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "optichain").rglob("*.proto"))
    include = Path(protoc.__file__).parent / "_proto"
    return int(
        protoc.main(
            [
                "protoc",
                f"-I{ROOT}",
                f"-I{include}",
                f"--python_out={out}",
                f"--mypy_out=quiet:{out}",
                # With its comments, for the gateway's OpenAPI.
                f"--descriptor_set_out={out}/optichain/contract.binpb",
                "--include_source_info",
                *protos,
            ]
        )
    )


if __name__ == "__main__":
    sys.exit(main())
