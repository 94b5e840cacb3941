#!lua flags=allow-oom
-- Renews a node's lease. Its score is when it ends, in milliseconds of Redis' own clock; negative
-- while the node has not told everything yet, and 0 once others have begun to take it out.
--
-- ARGV: 1 the prefix, 2 the node, 3 for how many milliseconds, 4 the number of this call, 5 what for:
-- "begin" before the node tells everything anew, "end" after that, "beat" to stay, "leave" to say
-- good-bye. Does nothing when the node has made a later call.
-- Answers { 1 when the node had a lease, the time, { node, score, node, score, … } }.
local nodes, calls, node = ARGV[1] .. ":nodes", ARGV[1] .. ":calls", ARGV[2]
local lease, call, purpose = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local score = tonumber(redis.call("ZSCORE", nodes, node) or "0")
local sign = 1
if purpose == "begin" or (purpose == "beat" and score < 0) then sign = -1 end
local isLate = tonumber(redis.call("HGET", calls, node) or "0") >= call
if not isLate and (purpose == "begin" or score ~= 0) then
  redis.call("HSET", calls, node, call)
  redis.call("ZADD", nodes, string.format("%.0f", sign * (now + lease)), node)
  if purpose == "leave" then redis.call("SADD", ARGV[1] .. ":leaving", node) end
end
local isKnown = not isLate and score ~= 0
return { isKnown and 1 or 0, now, redis.call("ZRANGE", nodes, 0, -1, "WITHSCORES") }
