"""neuroonco: public brain-tumour MRI collections to a vision-language dataset, benchmark and model.

The package reads as one walk, one folder a stage::

    catalog -> curate -> semantics -> readings -> fusion -> audit -> build -> review -> predict -> score -> report

See ``docs/architecture.md`` for the map and ``neuroonco trace SLICE_ID`` for one slice's way through it.
"""

from importlib.metadata import version

__version__ = version("neuroonco")
