-- Reads the numbers of tokens in an engine's answer, and when its first byte came, into variables of the access log.
--
-- HAProxy forwards an answer as it arrives; this filter only reads it (docs.haproxy.org, Lua API, "Filter class"). The
-- last usage counts: vLLM sends one with every event of a stream if it is forced to send any (should_include_usage of
-- vllm/entrypoints), so that an aborted stream has one as well. A text that a model writes is not taken for it: the
-- quotes of a text are escaped.

local NAME = '"usage"'
-- A usage that is longer is not read; those of vLLM and SGLang with all details take less than 300 bytes.
local LONGEST = 1024

local Usage = {id = "tokens of answers", flags = filter.FLT_CFG_FL_HTX}
Usage.__index = Usage

local function milliseconds()
  local now = core.now()
  return now.sec * 1000 + now.usec // 1000
end

-- Called when the request has its backend: the time in the queue is part of that until the first byte.
function Usage:new()
  return setmetatable({kept = "", started = milliseconds()}, Usage)
end

function Usage:start_analyze(txn, channel)
  if channel:is_resp() then filter.register_data_filter(self, channel) end
end

-- Called with each part of an answer, which may end anywhere. What may be the beginning of a usage is kept.
function Usage:http_payload(txn, message)
  local part = message:body()
  if not part or part == "" then return end
  self.first = self.first or milliseconds()
  local text, from = self.kept .. part, 1
  self.kept = text:sub(1 - #NAME)
  while true do
    local first, last = text:find(NAME, from, true)
    if not first then return end
    local object = text:match("^%s*:%s*(%b{})", last + 1)
    if object then
      if object:find('_tokens"', 1, true) then self.object = object end
    elseif #text - first < LONGEST and (text:find("^%s*:?%s*$", last + 1) or text:find("^%s*:%s*{", last + 1)) then
      self.kept = text:sub(first)
      return
    end
    from = last + 1
  end
end

-- Returns the numbers of tokens. Responses name them differently than completions do (platform.openai.com/docs/
-- api-reference); embeddings have no second one.
local function read(object)
  local function number(name) return tonumber(object:match('"' .. name .. '"%s*:%s*(%d+)')) end
  return number("prompt_tokens") or number("input_tokens"),
    number("completion_tokens") or number("output_tokens") or 0
end

-- Also called after an abort, before the line of the log is written.
function Usage:end_analyze(txn, channel)
  if not channel:is_resp() then return end
  if self.first then txn:set_var("txn.ttft_ms", self.first - self.started) end
  local prompt, completion = read(self.object or "")
  if prompt then
    txn:set_var("txn.prompt_tokens", prompt)
    txn:set_var("txn.completion_tokens", completion)
  end
end

core.register_filter("tokens", Usage, function(usage) return usage end)
