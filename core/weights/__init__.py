"""Weights: what exists (records), where it lies (places), how it is read, written, fetched and converted.

    found = resolve("crossbreed-pets")                 # Found(folder, label, kind)
    generator = load_strict(CrossbreedGenerator, found.folder)

Nothing here is done on import, and networks never ask this room: pipelines do.
"""

from core.weights.catalogue import WEIGHTS, Record, record, records
from core.weights.checkpoint import fill_strict, open_checkpoint, state_dict_of
from core.weights.conversion import convert, pull
from core.weights.fetch import download
from core.weights.layout import check_seal, load_strict, save_model, seal
from core.weights.places import Found, before_consent, cache_folder, resolve

__all__ = [
    "WEIGHTS",
    "Found",
    "Record",
    "before_consent",
    "cache_folder",
    "check_seal",
    "convert",
    "download",
    "fill_strict",
    "load_strict",
    "open_checkpoint",
    "pull",
    "record",
    "records",
    "resolve",
    "save_model",
    "seal",
    "state_dict_of",
]
