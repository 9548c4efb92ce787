"""Small workflows in API format, around probe nodes: images from JSON in, lists told in JSON out."""

from __future__ import annotations

import json
from typing import Any

Prompt = dict[str, Any]

SCENES = [
    {"seed": 1, "w": 192, "h": 128, "text": "a cat, red", "name": "cats/a.png"},
    {"seed": 2, "w": 96, "h": 64, "text": "a dog", "name": "dogs/b.png"},
    {"seed": 1, "w": 96, "h": 64, "text": "a cat, sofa", "name": "cats/a_small.jpg"},
    {"seed": 3, "w": 64, "h": 96, "text": "a bird", "name": "c.png"},
    {"seed": 2, "w": 192, "h": 128, "text": "a dog, big", "name": "dogs/b_large.png"},
]
"""Two pairs of one picture in two sizes, and one single."""


def images(entries: list[dict[str, Any]]) -> Prompt:
    return {"class_type": "ProbeImages", "inputs": {"entries": json.dumps(entries)}}


def deduplication(entries: list[dict[str, Any]], connect: str = "texts masks names", **inputs: Any) -> Prompt:
    """Node 1: images; 2: ours; 3, 4: what is kept and removed; 5: groups. connect: which extras are linked."""
    sockets = {"texts": 1, "masks": 2, "names": 3}
    links = {name: ["1", slot] for name, slot in sockets.items() if name in connect.split()}
    given = {"images": ["1", 0], "similarity_threshold": 0.95, **links, **inputs}
    kept = {name: ["2", slot] for name, slot in {"images": 0, **sockets}.items() if name in ["images", *links]}
    kept.pop("names", None)
    gone = {"images": ["2", 4], **({"texts": ["2", 5]} if "texts" in links else {})}
    return {
        "1": images(entries),
        "2": {"class_type": "OneOfEachImageDeduplication", "inputs": given},
        "3": {"class_type": "ProbeShow", "inputs": kept},
        "4": {"class_type": "ProbeShow", "inputs": gone},
        "5": {"class_type": "ProbeShow", "inputs": {"images": ["2", 6], "texts": ["2", 7]}},
        **({"6": {"class_type": "ProbeShow", "inputs": {"texts": ["2", 3]}}} if "names" in links else {}),
    }


def folder_node(class_type: str, texts: dict[str, int], **inputs: Any) -> Prompt:
    """Node 1: ours; then one probe per list output that is named with its slot."""
    given = {"similarity_threshold": 0.95, **inputs}
    probes = {name: {"class_type": "ProbeShow", "inputs": {"texts": ["1", slot]}} for name, slot in texts.items()}
    return {"1": {"class_type": class_type, "inputs": given}, **probes}
