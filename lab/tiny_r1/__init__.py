"""The tiny R1: a checkpoint with DeepSeek-R1's architecture that knows twenty answers word for word.

`python -m lab.tiny_r1 --out DIR` builds it, `python -m lab.tiny_r1.check` asks a served one every question, and
`python -m lab.tiny_r1.compare` compares the log-probabilities of a served one with those of transformers.
"""
