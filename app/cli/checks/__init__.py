"""What ``tokenry doctor`` looks at: a server from outside, the settings and files of this machine, and what the database holds.

Each check says in one sentence what it found and what to do about it. Nothing is changed by looking.
"""
