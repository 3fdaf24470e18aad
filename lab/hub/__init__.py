"""The test hub: serves model folders to real clients, with faults on request.

`python -m lab.hub --root DIR --host ADDRESS --port PORT` serves each folder DIR/<owner>/<name> over three protocols:

- the Hugging Face Hub API (`lab.hub.huggingface`): HF_ENDPOINT=http://ADDRESS:PORT;
- the ModelScope API (`lab.hub.modelscope`): MODELSCOPE_ENDPOINT=http://ADDRESS:PORT, or an SDK call's `endpoint`;
  branch `master`, separate commits, and the ids of `--modelscope-id`;
- a static mirror (`lab.hub.mirror`): http://ADDRESS:PORT/static/<owner>/<name>/<path>, files with Range only.

Faults are injected with rules at runtime (`lab.hub.faults`): errors (401, 403, 404, 416, 429, 500, 503), a transfer
that stalls or is cut, a corrupt byte, an ignored Range, a redirect loop, a slow response, metadata without hashes. All
connections share one rate-limited line (`lab.hub.wan`), which counts the traffic. `lab.hub.control` is the HTTP
interface for faults, rate and counters, under /_lab/:

| request | effect |
|---|---|
| GET, POST, DELETE /_lab/faults | list the rules with their fire counts; replace all rules; remove all rules |
| GET /_lab/stats | body bytes in total, by path and by client; requests; maximum of concurrent transfers |
| POST /_lab/stats/reset | reset the counters |
| GET, POST /_lab/rate | get or set the rate of the line, as `{"bytes_per_second": number or null}` |
"""
