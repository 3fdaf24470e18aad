"""The test hub: serves model folders to the real clients, and misbehaves on command.

`python -m lab.hub --root DIR --host ADDRESS --port PORT` serves each folder DIR/<owner>/<name> three ways at once:

- as the Hugging Face Hub does (`lab.hub.huggingface`): HF_ENDPOINT=http://ADDRESS:PORT;
- as ModelScope does (`lab.hub.modelscope`): MODELSCOPE_ENDPOINT=http://ADDRESS:PORT, or an SDK call's `endpoint`;
  branch `master`, commits of its own, and other ids where `--modelscope-id` names them;
- as a static mirror (`lab.hub.mirror`): http://ADDRESS:PORT/static/<owner>/<name>/<path>, files with Range alone.

What a client does with a bad hub is tried with rules that are set while the hub runs (`lab.hub.faults`): refusals
(401, 403, 404, 416, 429, 500, 503), a transfer that stalls or breaks off, a wrong byte, an ignored Range, a redirect
to itself, a slow answer, metadata without hashes. All connections share one line with a rate (`lab.hub.wan`), which
counts what it carries. `lab.hub.control` is the HTTP interface to all that, below /_lab/:

| request | effect |
|---|---|
| GET, POST, DELETE /_lab/faults | show the rules and how often each fired; replace them all; remove them all |
| GET /_lab/stats | body bytes in all, by path and by client; requests; most body transfers at a time |
| POST /_lab/stats/reset | begin to count again |
| GET, POST /_lab/rate | the line's rate, as `{"bytes_per_second": number or null}` |
"""
