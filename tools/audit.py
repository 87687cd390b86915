"""`make audit`: known holes in what we depend on, and secrets written into the repository.

Asks advisory databases over the network, so it is no part of `make test`. Exit codes: 0 nothing
was found; 1 something was; 3 a database could not be asked, and nothing was found elsewhere.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
KNOWN = ROOT / "tools" / "known-secrets.json"
"""What the scan takes for secrets and is none: examples, passwords of tests. By file, the hash of
each. `make audit ARGS=--accept` writes it anew; look at the difference before you commit it."""
NOTHING, FOUND, NOT_ASKED = 0, 1, 3
SECONDS = 300
EXAMPLES = r"(^|/)(tests|docs|test)/|README\.md$"
"""Files full of made-up passwords: only keys and tokens of known forms are looked for there."""
GUESSES = ("KeywordDetector", "BasicAuthDetector")


@dataclass(frozen=True)
class Result:
    """What one look gave: sentences about what was found, or why it could not be made."""

    found: list[str]
    not_asked: str = ""


def pinned(text: str) -> str:
    """The lock file's pins alone: without our own packages and without hashes."""
    lines = (line.rstrip(" \\") for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("-e", " ", "#")))


def read_python(code: int, out: str) -> Result:
    """The answer of pip-audit."""
    try:
        packages = json.loads(out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Result([], f"pip-audit ended with {code} and no answer")
    found = [
        f"{each['name']} {each['version']}: {hole['id']}, mended in "
        f"{', '.join(hole['fix_versions']) or 'no release yet'}"
        for each in packages
        for hole in each.get("vulns", ())
    ]
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    why = f"nothing is known of {len(skipped)} of {len(packages)} packages" if skipped else ""
    return Result(found, why if packages else "no package was looked at")


def read_npm(code: int, out: str) -> Result:
    """The answer of npm audit."""
    try:
        answer: Any = json.loads(out[out.index("{") :])
        holes: Mapping[str, Any] = answer["vulnerabilities"]
    except (ValueError, KeyError, TypeError):
        return Result([], f"npm audit ended with {code} and no answer")
    return Result([f"{name} {hole['range']}: {hole['severity']}" for name, hole in holes.items()])


def read_secrets(out: str) -> dict[str, dict[str, str]]:
    """The answer of detect-secrets: by file, hash to a sentence."""
    return {
        file: {
            each["hashed_secret"]: f"{file}:{each['line_number']}: {each['type']}" for each in hits
        }
        for file, hits in json.loads(out)["results"].items()
    }


def run(*command: str, cwd: Path = ROOT) -> tuple[int, str]:
    """A program's exit code and what it printed; 124 when it took too long."""
    try:
        done = subprocess.run(  # noqa: S603 (our own words)
            command, cwd=cwd, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return 124, ""
    except OSError as error:
        return 127, str(error)
    return done.returncode, done.stdout


def tool(name: str, *arguments: str) -> tuple[int, str]:
    """A tool of `requirements/audit.txt`, installed apart from everything else."""
    pins = (ROOT / "requirements" / "audit.txt").read_text().split()
    pin = next(each for each in pins if each.startswith(name + "=="))
    uv = str(ROOT / ".tools" / "bin" / "uv")
    return run(uv, "tool", "run", "--quiet", "--from", pin, name, *arguments)


def python_packages() -> Result:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pins.txt"
        file.write_text(pinned((ROOT / "requirements" / "dev.txt").read_text()))
        return read_python(*tool("pip-audit", "--requirement", str(file), "--no-deps",
                                 "--disable-pip", "--progress-spinner", "off", "--format",
                                 "json"))  # fmt: skip


def front_end_packages() -> Result:
    return read_npm(*run("npm", "audit", "--json", "--package-lock-only"))


def secrets(accept: bool = False) -> Result:
    seen: dict[str, dict[str, str]] = {}
    guesses = [part for guess in GUESSES for part in ("--disable-plugin", guess)]
    own = r"^(package-lock\.json|requirements/.*\.txt|tools/known-secrets\.json)$"
    for arguments in (
        [*guesses, "--exclude-files", own],
        ["--exclude-files", own, "--exclude-files", EXAMPLES],
    ):
        code, out = tool("detect-secrets", "scan", *arguments)
        try:
            answer = read_secrets(out)
        except (ValueError, KeyError):
            return Result([], f"detect-secrets ended with {code} and no answer")
        for file, hits in answer.items():
            seen.setdefault(file, {}).update(hits)
    if accept:
        kept = {file: sorted(hits) for file, hits in sorted(seen.items())}
        KNOWN.write_text(json.dumps(kept, indent=1) + "\n")
    known = json.loads(KNOWN.read_text()) if KNOWN.exists() else {}
    return Result(
        [
            sentence
            for file, hits in sorted(seen.items())
            for hashed, sentence in hits.items()
            if hashed not in known.get(file, ())
        ]
    )


def main(arguments: list[str]) -> int:
    """Make every look, say what each gave, and sum it up in the exit code."""
    os.environ["PATH"] = f"{ROOT / '.tools' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    looks: dict[str, Callable[[], Result]] = {
        "Python packages (requirements/dev.txt, which holds the runtime's too)": python_packages,
        "front-end packages (package-lock.json)": front_end_packages,
        "secrets in the repository": lambda: secrets("--accept" in arguments),
    }
    results = []
    for title, look in looks.items():
        result = look()
        results.append(result)
        say(f"==> {title}")
        for sentence in result.found:
            say(f"    FOUND {re.sub(chr(27), '', sentence)}")
        if result.not_asked:
            say(f"    NOT ASKED: {result.not_asked}. The advisory database cannot be reached from"
                " here, or not all of it: run this where it can.")  # fmt: skip
        elif not result.found:
            say("    nothing found")
    return summed_up(results)


def summed_up(results: list[Result]) -> int:
    """The exit code."""
    if any(result.found for result in results):
        return FOUND
    return NOT_ASKED if any(result.not_asked for result in results) else NOTHING


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
