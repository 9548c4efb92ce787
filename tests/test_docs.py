"""What the documentation says is run, and what can be run is documented."""

import ast
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from pictures import copies, picture

import oneofeach

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def photos(tmp_path):
    """A working directory with a folder photos/, as the pages assume."""
    (tmp_path / "photos").mkdir()
    copies(0, tmp_path / "photos", "ant")
    picture(7).save(tmp_path / "photos" / "other.png")
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_run(page, photos):
    for block in blocks(page, "python"):
        subprocess.run([sys.executable, "-W", "error", "-c", block], cwd=photos, check=True)


def test_commands_of_the_readme_run(photos):
    lines = [line for block in blocks(ROOT / "README.md", "") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith("oneofeach find ")]
    assert commands
    for command in commands:
        arguments = shlex.split(command, comments=True)[1:]
        assert subprocess.run([sys.executable, "-m", "oneofeach", *arguments], cwd=photos, check=False).returncode == 0


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """What `make demo` prints, and the folder it made."""
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, str(ROOT / "examples" / "demo.py")]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout, folder / "demo"


def test_the_lines_shown_in_the_readme_are_lines_of_the_demo(demo):
    output, folder = demo
    shown = [line for block in blocks(ROOT / "README.md", "") for line in block.splitlines()]
    sample = [line for line in shown if re.match(r"group |keep |drop |skip |\d+ images", line)]
    assert len(sample) >= 5
    assert set(sample) <= set(output.splitlines())
    assert (folder / "report.html").exists()


def test_the_values_shown_in_the_readme_are_those_of_the_demo(demo):
    result = oneofeach.deduplicate(demo[1] / "images")
    (block,) = blocks(ROOT / "README.md", "python")
    shown = re.findall(r"^result\.(\S+)  # ([{'].*)$", block, re.MULTILINE)
    assert len(shown) == 2
    for name, value in shown:
        assert f"{{result.{name}}}".format(result=result) == str(ast.literal_eval(value))


def test_the_page_of_all_commands_is_what_the_help_texts_say():
    made = runpy.run_path(str(ROOT / "docs" / "make_cli_reference.py"))["reference"]()
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == made, "run: python docs/make_cli_reference.py"


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert os.path.exists(page.parent / target), f"{page.name} links to {target}"
