"""What was released stays: the check refuses a contract from which something was taken away."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contract import ROOT

BUF = Path(sys.executable).parent / "buf"


@pytest.fixture
def proto(tmp_path: Path) -> Path:
    """A copy of the contract that a test may damage."""
    copy = tmp_path / "proto"
    shutil.copytree(ROOT / "proto", copy, ignore=shutil.ignore_patterns("generated"))
    return copy


def breaking(proto: Path) -> str:
    """Return what the check of `make check` says; empty when the contract is kept."""
    command = [str(BUF), "breaking", "--against", "released.binpb"]
    told = subprocess.run(command, cwd=proto, capture_output=True, text=True, check=False)
    assert bool(told.returncode) == bool(told.stdout), told.stderr
    return told.stdout


def cut(path: Path, pattern: str) -> None:
    """Delete the one thing in a file that the pattern finds."""
    text, found = re.subn(pattern, "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert found == 1
    path.write_text(text)


def test_the_contract_as_it_stands_breaks_nothing(proto: Path) -> None:
    assert breaking(proto) == ""


@pytest.mark.parametrize(
    ("file", "pattern", "name"),
    [
        ("labjob/v1/labjob_service.proto", r"^  rpc ShipJob\(.*?^  }\n", "ShipJob"),
        ("auth/v1/token_service.proto", r"^service TokenService {.*?^}\n", "TokenService"),
        ("labjob/v1/events.proto", r"^message JobReleased {.*?^}\n", "JobReleased"),
    ],
)
def test_an_rpc_a_service_or_a_fact_that_is_gone_is_refused(
    proto: Path, file: str, pattern: str, name: str
) -> None:
    cut(proto / "optichain" / file, pattern)
    assert name in breaking(proto)


def test_an_enum_that_is_gone_is_refused(proto: Path) -> None:
    events = proto / "optichain/record/v1/events.proto"
    cut(events, r"^  ChangeKind what = 4;\n")
    cut(events.parent / "pin.proto", r"^enum ChangeKind {.*?^}\n")
    cut(events.parent / "pin.proto", r"^  ChangeKind what = 1;\n")
    assert "ChangeKind" in breaking(proto)


def test_a_package_that_is_gone_is_refused(proto: Path) -> None:
    shutil.rmtree(proto / "optichain" / "device_bridge")
    assert "optichain.device_bridge.v1" in breaking(proto)
