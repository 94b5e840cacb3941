#!lua flags=allow-oom
-- Takes a node whose lease ran out out of rooms, and tells those who listen; or clears, in silence,
-- what is left of a node that is about to tell everything anew.
--
-- ARGV: 1 the prefix, 2 the node, 3 how many rooms at most, 4 "evict" or "clear", 5 for "clear"
-- the number of this call: it does nothing when the node has made a later one.
-- Answers 1 when there is more to be done.
local prefix, node, most, purpose = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local nodes, calls = prefix .. ":nodes", prefix .. ":calls"
local roomsOf = prefix .. ":rooms-of:" .. node
if purpose == "evict" then
  local time = redis.call("TIME")
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local score = redis.call("ZSCORE", nodes, node)
  if not score or math.abs(tonumber(score)) > now then return 0 end
  redis.call("ZADD", nodes, 0, node)
elseif tonumber(redis.call("HGET", calls, node) or "0") >= tonumber(ARGV[5]) then
  return 0
else
  redis.call("HSET", calls, node, ARGV[5])
end

for _, room in ipairs(redis.call("SPOP", roomsOf, most)) do
  local key, nodesIn = prefix .. ":members:" .. node .. ":" .. room, prefix .. ":nodes-in:" .. room
  local version = string.match(redis.call("HGET", key, "") or "", "^%d+") or "0"
  redis.call("UNLINK", key)
  redis.call("SREM", nodesIn, node)
  if redis.call("SCARD", nodesIn) == 0 then redis.call("ZREM", prefix .. ":peopled", room) end
  -- Half a version: after what was told last, and before whatever the node may tell next.
  local text = node .. " " .. version .. '.5 {"absent":true}'
  if purpose == "evict" then redis.call("PUBLISH", prefix .. ":p:" .. room, text) end
end

if redis.call("EXISTS", roomsOf) == 1 then return 1 end
if purpose == "evict" then
  redis.call("ZREM", nodes, node)
  redis.call("HDEL", calls, node)
  redis.call("SREM", prefix .. ":leaving", node)
end
return 0
