"""One project and all that it is wired to: the only place that wires.

All that stands above imports it, nothing below.
"""
