"""Runs LibreOffice on a file that strangers made: a fresh profile, no network, bounded, killed whole."""

import os
import resource
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

NAMES = ("soffice", "libreoffice")
MAX_MEMORY = 4 * 1024**3
"""Bytes of address space; version 7.4 needs half a gigabyte for a deck of three slides."""
MAX_FILE = 512 * 1024**2
DECK = "Impress MS PowerPoint 2007 XML"
"""The one format that is opened, whatever a file looks like."""
NOWHERE = "http://127.0.0.1:9"
"""A proxy that answers nobody, for where the network cannot be taken away."""
SETTINGS = (
    ("Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("Office.Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("Office.Common/Misc", "CrashReport", "false"),
    ("Office.Common/Misc", "FirstRun", "false"),
    ("Office.Calc/Content/Update", "Link", "2"),
    ("Office.Jobs/Jobs/org.openoffice.Office.Jobs:Job['UpdateCheck']/Arguments",
     "AutoCheckEnabled", "false"),
    ("Inet/Settings", "ooInetProxyType", "2"),
    ("Inet/Settings", "ooInetHTTPProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetHTTPProxyPort", "9"),
    ("Inet/Settings", "ooInetHTTPSProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetHTTPSProxyPort", "9"),
)  # fmt: skip
"""Links are followed for nobody, macros never run, nothing asks for updates or reports crashes."""


def installed() -> bool:
    """Whether LibreOffice is on the PATH."""
    return _program() is not None


def _program() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


def to_pdf(path: Path, folder: Path, seconds: float = 120) -> Path | None:
    """Convert a deck to `folder`'s PDF of the same stem; None when no PDF came of it in time.

    LibreOffice leaves hidden slides out. It ends well on every failure, so only the file tells.
    """
    program = _program()
    if program is None:
        return None
    pdf = folder / f"{path.stem}.pdf"
    pdf.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="office-") as scratch:
        profile = Path(scratch, "profile")
        _write_settings(profile)
        convert = [
            program, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--norestore",
            "--nolockcheck", "--nodefault", "--nofirststartwizard", f"--infilter={DECK}",
            "--convert-to", "pdf:impress_pdf_Export", "--outdir", str(folder.absolute()), str(path.absolute()),
        ]  # fmt: skip
        in_time = _run([*_wrapper(seconds), *convert], Path(scratch), seconds)
    return pdf if in_time and pdf.is_file() and pdf.stat().st_size else None


def _write_settings(profile: Path) -> None:
    items = "".join(
        f'<item oor:path="/org.openoffice.{path}"><prop oor:name="{name}" oor:op="fuse">'
        f"<value>{value}</value></prop></item>"
        for path, name, value in SETTINGS
    )
    user = profile / "user"
    user.mkdir(parents=True)
    (user / "registrymodifications.xcu").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<oor:items '
        'xmlns:oor="http://openoffice.org/2001/registry" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{items}</oor:items>\n'
    )


def _wrapper(seconds: float) -> list[str]:
    """What the program is started through: no network, own limits, and an end of its own.

    `timeout` ends the group also when this process is killed and cannot.
    """
    limits = (
        f"ulimit -v {_allowed(resource.RLIMIT_AS, MAX_MEMORY) // 1024} && "
        f"ulimit -t {_allowed(resource.RLIMIT_CPU, 2 * int(seconds) + 1)} && "
        f"ulimit -f {_allowed(resource.RLIMIT_FSIZE, MAX_FILE) // 512} && ulimit -c 0 && "
        'exec "$@"'
    )
    ends = ["timeout", "--signal=KILL", f"{seconds + 2:.1f}"]
    return [*_without_network(), *ends, "sh", "-c", limits, "sh"]


def _allowed(kind: int, wanted: int) -> int:
    """The limit that is wanted, or the hard one below it."""
    hard = resource.getrlimit(kind)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


@cache
def _without_network() -> tuple[str, ...]:
    """The command that takes the network away, where this process may."""
    for command in (("unshare", "-n", "--"), ("unshare", "-r", "-n", "--")):
        with suppress(OSError, subprocess.TimeoutExpired):
            tried = subprocess.run(
                [*command, "true"], capture_output=True, timeout=5, check=False,
            )  # fmt: skip
            if tried.returncode == 0:
                return command
    return ()


def _run(command: list[str], scratch: Path, seconds: float) -> bool:
    """Run a command in a group of its own and leave nothing of it; False when it took too long."""
    process = subprocess.Popen(
        command,
        cwd=scratch,
        env=_environment(scratch),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return True


def _environment(scratch: Path) -> dict[str, str]:
    """Only what it needs: the worker's own variables hold passwords."""
    proxies = {
        name: NOWHERE
        for scheme in ("http", "https", "ftp", "all")
        for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    }
    return proxies | {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "SAL_USE_VCLPLUGIN": "svp",
    }
