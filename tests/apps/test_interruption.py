"""Ctrl-C ends any command within a second, with code 130, a true word and no traceback: seen on real processes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from pictures import picture

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as on POSIX")

UP = "print('up', flush=True); from oneofeach.apps.cli import main; main()"
SLOW_DECODER = """
import threading, time
import oneofeach.describe as describe
decode, started = describe.decode, threading.Event()
def slowly(*a, **k):
    if not started.is_set():
        started.set()
        print("up", flush=True)
    time.sleep(20)
    return decode(*a, **k)
describe.decode = slowly
from oneofeach.apps.cli import main
main()
"""
DEAF_KERNEL = """
import hashlib
import oneofeach.apps.cli.find as find
def deduplicate(*a, progress, **k):
    progress("match", 7, 9)
    print("up", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 100_000_000)  # compiled code of half a minute
find.deduplicate = deduplicate
from oneofeach.apps.cli import main
main()
"""
LENIENCY = 10  # the second is meant on an idle machine


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Enough images for some seconds, some of them twice, so that threads ask the index while others decode."""
    folder = tmp_path_factory.mktemp("dataset")
    for number in range(40):
        picture(number, (1200, 900)).save(folder / f"{number}.png", compress_level=1)
        shutil.copy(folder / f"{number}.png", folder / f"{number}_again.png")
    return folder


def interrupted(code, *arguments, after=0.0):
    """The process, its stderr and the seconds it took from Ctrl-C on; like a terminal, sent to the whole group."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert any(line == "up\n" for line in iter(process.stdout.readline, ""))
    time.sleep(after)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    return process, err, time.monotonic() - began


@pytest.mark.parametrize("moment", [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0])
def test_an_interruption_at_any_moment_is_told_in_one_line(dataset, tmp_path, moment):
    command = ["find", dataset, "--index", tmp_path / "index.sqlite", "--workers", "3"]
    process, err, took = interrupted(UP, *command, after=moment)
    if process.returncode != 0:  # a fast machine may be through
        assert process.returncode == 130
        told = r"\.( Reading images: \d+ of 80 images done\.)?( No file was changed\.)?|, after everything was done\."
        assert re.fullmatch(rf"Interrupted({told})\n", err)
    assert took < LENIENCY


def test_images_still_being_decoded_are_not_waited_for(tmp_path):
    for number in range(40):
        (tmp_path / f"{number}.jpg").write_bytes(b"\xff\xd8\xff%d" % number)
    process, err, took = interrupted(SLOW_DECODER, "find", tmp_path)
    assert process.returncode == 130
    assert err == "Interrupted. No file was changed.\n"
    assert took < LENIENCY


def test_compiled_code_that_hears_no_signal_ends_with_the_process(tmp_path):
    process, err, took = interrupted(DEAF_KERNEL, "find", tmp_path)
    assert process.returncode == 130
    assert err == "Interrupted. Comparing: 7 of 9 pairs done. No file was changed.\n"
    assert took < LENIENCY


AT_THE_END = """
import atexit, os, signal, sys, time
from oneofeach.apps.cli import main
def stop():
    print("up", flush=True)
    time.sleep(20)
moment = sys.argv.pop(1)
if moment == "before":
    from oneofeach.apps.cli.interruption import interruption
    ended = interruption.command_ended
    def then_stop():
        ended()
        atexit.register(stop)
    interruption.command_ended = then_stop
else:
    class Late:
        def __del__(self, interrupt=os.kill, own=os.getpid(), number=signal.SIGINT, write=os.write):
            write(1, b"up\\n")
            interrupt(own, number)
    sys.late = Late()
main()
"""


@pytest.mark.parametrize(("moment", "code"), [("before", 130), ("late", 0)])
def test_an_interruption_of_the_exit_is_no_bare_signal(tmp_path, moment, code):
    process, err, took = interrupted(AT_THE_END, moment, "doctor")
    assert (process.returncode, err) == (code, "Interrupted, after everything was done.\n" if code else "")
    assert took < LENIENCY
