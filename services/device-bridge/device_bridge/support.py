"""The page that tells a branch which instruments the bridge can read, and how surely.

Run as `python -m device_bridge.support` it writes the page to standard output.
"""

import sys

from device_bridge.profiles import Profile, load_profiles

INTRODUCTION = """# Instruments

Generated from `device_bridge/rules/instruments.yaml` by `python -m device_bridge.support`.
"Decodes captures of" is what was tried on bytes of a real instrument; no more is claimed. Line
settings are those of the factory: compare them with the instrument's menu before connecting.
"""
COLUMNS = ("Model", "Reads", "Line", "Line settings from", "Evidence", "Confidence", "Source")


def instruments_table() -> str:
    """One row of a Markdown table for each model with a profile."""
    rows = [COLUMNS, tuple("---" for _ in COLUMNS)]
    rows += [_row(profile) for profile in load_profiles().values()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def instruments_page() -> str:
    """The whole page: introduction, table, and the habits of each model."""
    parts = [INTRODUCTION, "\n", instruments_table(), "\n## What to know of each\n"]
    for profile in load_profiles().values():
        habits = "".join(f"- {quirk}\n" for quirk in profile.quirks)
        parts.append(f"\n### {profile.maker} {profile.model}\n\n{habits}")
    return "".join(parts)


def _row(profile: Profile) -> tuple[str, ...]:
    lines = ", or ".join(str(line) for line in profile.lines)
    return (
        f"{profile.maker} {profile.model}",
        profile.reads,
        lines,
        profile.line_confidence,
        profile.evidence,
        profile.confidence,
        profile.source,
    )


if __name__ == "__main__":
    sys.stdout.write(instruments_page())
