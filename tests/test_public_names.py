import ast
import subprocess
import sys
from pathlib import Path

import oneofeach
import oneofeach.errors

PUBLIC = """
Catalog Description Duplicate EmptyImageList FileList Group Groups Index IndexDamaged InvalidRule InvalidThreshold Item
JobStopped Journal MissingExtra NotWritable OneOfEachError Pairs Picture Plan Refused Result SourceNotFound
TooManyImages UnknownFormat UnknownPlugin Unreachable UnreadableImage UnsupportedInput compare deduplicate evaluate
export group journals match neighbors perform plan scan similarity undo
"""


def test_the_public_names_are_exactly_these():
    assert sorted(oneofeach.__all__) == sorted(PUBLIC.split())
    assert all(hasattr(oneofeach, name) for name in PUBLIC.split())


def test_every_error_is_public():
    errors = {name for name, thing in vars(oneofeach.errors).items() if isinstance(thing, type)}
    assert errors <= set(oneofeach.__all__)


def test_importing_the_package_imports_numpy_and_pillow_and_no_other_third_party():
    code = "import sys, oneofeach; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    ours = {"oneofeach", "numpy", "PIL", "__main__"}
    known = set(sys.stdlib_module_names) | ours
    assert [name for name in ast.literal_eval(out) if name not in known and not name.startswith("_")] == []


def test_importing_the_package_imports_none_of_its_modules_before_a_name_is_used():
    code = "import sys, oneofeach; print([m for m in sys.modules if m.startswith('oneofeach.')])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert ast.literal_eval(out) == []


def test_no_public_name_is_hidden_by_a_module_of_the_same_name():
    modules = {path.stem for path in Path(oneofeach.__file__).parent.iterdir()}
    assert modules.isdisjoint(oneofeach.__all__)
