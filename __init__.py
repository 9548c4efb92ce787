"""The door for ComfyUI: clone this repository into `custom_nodes/`, nothing else is to be installed.

The imports stay inside the function: pytest imports this file while it collects tests.
"""

WEB_DIRECTORY = "./web"


def comfy_entrypoint():
    """The extension with the nodes. The library of this clone goes before an installed copy."""
    import logging
    import os
    import sys

    source = os.path.join(os.path.dirname(os.path.realpath(__file__)), "src")
    if source not in sys.path:
        sys.path.insert(0, source)
    try:
        from oneofeach.apps.comfy import Extension
    except Exception:
        logging.exception("oneofeach: the nodes could not be imported")
        raise
    import oneofeach

    if not os.path.realpath(oneofeach.__file__).startswith(os.path.join(source, "")):
        logging.warning("oneofeach: another copy was imported before this one and is used: %s", oneofeach.__file__)
    return Extension()
