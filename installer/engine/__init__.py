"""What every remote thing has in common, and the loops that plan and apply.

It knows no code host, no CI, no cluster.
"""
