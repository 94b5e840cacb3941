#!lua flags=allow-oom
-- Forgets tokens that ran out. The clock of Redis is asked, too: a node whose clock is ahead must not let
-- a token in again on the others.
-- KEYS: 1 the hash. ARGV: 1 the time of the node in milliseconds, then fields.
local time = redis.call("TIME")
local now = math.min(tonumber(ARGV[1]), time[1] * 1000 + math.floor(time[2] / 1000))
for at = 2, #ARGV do
  local ending = tonumber(redis.call("HGET", KEYS[1], ARGV[at]) or nil)
  if ending and ending <= now then redis.call("HDEL", KEYS[1], ARGV[at]) end
end
