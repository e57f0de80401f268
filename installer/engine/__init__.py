"""The engine: what every resource has in common, and the loops that plan, apply and remove.

cluster/ and everything above import it. It knows no code host, no CI, no cluster.
"""
