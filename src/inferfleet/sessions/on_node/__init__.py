"""Programs that a session runs on a node: standard library and Python 3.9 only, each in one file.

They end when their standard input ends, which is when the connection does.
"""
