"""A better template for a project that is there: render it, merge it by git, propose it at the code host.

`commands` imports it; nothing below does. It knows no cluster and no CI.
"""
