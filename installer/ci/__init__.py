"""The CIs, one file each, and the variables and tokens that their pipelines need.

resources/ and everything above import it. base.py says what every CI answers.
"""
