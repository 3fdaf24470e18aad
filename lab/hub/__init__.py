"""The practice hub: serves model folders to the real huggingface_hub client, the way a mirror of the Hub does.

`python -m lab.hub --root DIR --host ADDRESS --port PORT` serves each folder DIR/<owner>/<name> as a repository.
"""
