"""Setting a machine up: what is missing is named, with a way out that fits; what stands is kept."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SET_UP = Path(__file__).parents[2] / "local" / "set-up"
REAL = ("bash", "cat", "cut", "dirname", "env", "grep", "sha256sum")
EVERYTHING = "libpangoft2-1.0.so.0 libharfbuzz-subset.so.0"


class Machine:
    """A machine on which the programs that set-up asks are stand-ins."""

    def __init__(self, root: Path) -> None:
        self.root, self.diary = root, root / "diary"
        self._programs = root / "programs"
        self._programs.mkdir()
        self._given: dict[str, str] = {}
        for name in REAL:
            (self._programs / name).symlink_to(shutil.which(name) or "")
        self.script = root / "local" / "set-up"
        self.script.parent.mkdir()
        self.script.write_text(SET_UP.read_text())
        self.script.chmod(0o755)
        broker = root / "rabbitmq-server"
        broker.touch()
        self.give(OPTICHAIN_RABBITMQ_SERVER=str(broker))
        self.has("id", "echo 1000")
        self.has("ldconfig", f"echo {EVERYTHING}")
        self.has("fc-list", "echo WenQuanYi")
        self.has("python3", 'if [ "$1" = -m ]; then exit 9; fi')  # makes no environment

    def has(self, program: str, does: str) -> None:
        """Put a stand-in on the PATH that writes its call into the diary."""
        file = self._programs / program
        file.write_text(f'#!/bin/bash\necho "{program} $*" >> {self.diary}\n{does}\n')
        file.chmod(0o755)

    def give(self, **variables: str) -> None:
        """Set variables of the environment."""
        self._given |= variables

    def without_broker(self) -> None:
        """Take RabbitMQ away."""
        del self._given["OPTICHAIN_RABBITMQ_SERVER"]
        text = self.script.read_text().replace("/usr/lib/rabbitmq", f"{self.root}/nowhere")
        self.script.write_text(text)

    def set_up(self) -> str:
        """Run set-up, which ends early on this machine, and return what it said."""
        run = subprocess.run(
            (str(self.script),),
            env={"PATH": str(self._programs), **self._given},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert run.returncode != 0
        return run.stderr

    def calls(self, program: str) -> list[str]:
        """Return how a stand-in was called."""
        lines = self.diary.read_text().splitlines()
        return [line for line in lines if line.startswith(program)]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_where_nothing_is_missing_nothing_is_installed(machine: Machine) -> None:
    machine.has("apt-get", "")

    assert "making .venv" in machine.set_up()
    assert machine.calls("apt-get") == []


@pytest.mark.skipif(not os.access("/usr/sbin/ldconfig", os.X_OK), reason="no Debian")
def test_libraries_are_found_though_a_users_path_has_no_sbin(machine: Machine) -> None:
    (machine.root / "programs" / "ldconfig").unlink()
    machine.has("apt-get", "")

    assert "making .venv" in machine.set_up()


def test_without_root_a_missing_broker_is_named_with_the_variable_that_replaces_it(
    machine: Machine,
) -> None:
    machine.without_broker()
    machine.has("apt-get", "")

    said = machine.set_up()

    assert "cannot be installed without root: rabbitmq-server. " in said
    assert "OPTICHAIN_AMQP_URL to a RabbitMQ that runs already" in said
    assert machine.calls("apt-get") == []


def test_a_missing_library_is_not_answered_with_the_address_of_a_broker(machine: Machine) -> None:
    machine.has("ldconfig", "")
    machine.has("apt-get", "")

    said = machine.set_up()

    assert "without root: libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0. Install" in said
    assert "OPTICHAIN_AMQP_URL" not in said


def test_a_machine_without_apt_is_told_what_to_install(machine: Machine) -> None:
    machine.has("fc-list", "")

    assert "apt is not here to install them: fontconfig fonts-wqy-zenhei" in machine.set_up()


@pytest.mark.parametrize("user", ["0", "1000"], ids=["root", "sudo"])
def test_a_network_that_is_away_is_not_called_a_lack_of_rights(machine: Machine, user: str) -> None:
    machine.has("id", f"echo {user}")
    machine.has("sudo", '"$@"')
    machine.has("ldconfig", "")
    machine.has("apt-get", 'echo "E: Unable to fetch some archives" >&2; exit 100')

    said = machine.set_up()

    assert "E: Unable to fetch some archives" in said
    assert "apt could not install them" in said
    assert "root" not in said


def test_a_broker_in_an_unusual_place_is_taken_and_one_that_is_not_there_is_named(
    machine: Machine,
) -> None:
    machine.without_broker()
    elsewhere = machine.root / "opt-rabbitmq-server"
    elsewhere.touch()
    machine.give(OPTICHAIN_RABBITMQ_SERVER=str(elsewhere))
    assert "making .venv" in machine.set_up()

    elsewhere.unlink()
    assert f"OPTICHAIN_RABBITMQ_SERVER: nothing is at {elsewhere}" in machine.set_up()


@pytest.mark.parametrize("kept", [True, False], ids=["whole", "interrupted"])
def test_an_environment_whose_making_was_interrupted_is_made_anew(
    machine: Machine, kept: bool
) -> None:
    programs = machine.root / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "pip") if kept else ("python",):
        (programs / name).touch(mode=0o755)

    machine.set_up()

    made = [call for call in machine.calls("python3") if "-m venv" in call]
    assert made == ([] if kept else ["python3 -m venv --clear .venv"])
