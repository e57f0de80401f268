"""The code hosts (github/, gitlab/), git, credentials, and the lock in the repository.

ci/ and everything above import it. base.py says what every code host answers.
"""
