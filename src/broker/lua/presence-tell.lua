#!lua flags=allow-oom
-- Writes down what a node has to tell of rooms, and tells those who listen.
--
-- ARGV: 1 the prefix, 2 the node, 3 the number of this call, then for each room: its name, the node's version of it, how many
-- read it there without being members, the announcement, how many users are gone, how many shares
-- follow, then the fields of those who are gone, and field and value of each share.
-- Answers 1; 0 when the node has no lease or has made a later call, and nothing was done.
local prefix, node, call = ARGV[1], ARGV[2], tonumber(ARGV[3])
if tonumber(redis.call("ZSCORE", prefix .. ":nodes", node) or "0") == 0 then return 0 end
-- A call that comes late, over a connection that was given up, would undo what came after it.
if tonumber(redis.call("HGET", prefix .. ":calls", node) or "0") >= call then return 0 end
redis.call("HSET", prefix .. ":calls", node, call)

local index = 4
while ARGV[index] do
  local room, version, observers = ARGV[index], ARGV[index + 1], ARGV[index + 2]
  local text = ARGV[index + 3]
  local gone, shares = tonumber(ARGV[index + 4]), tonumber(ARGV[index + 5])
  index = index + 6
  local key = prefix .. ":members:" .. node .. ":" .. room
  local nodesIn = prefix .. ":nodes-in:" .. room
  if gone > 0 then redis.call("HDEL", key, unpack(ARGV, index, index + gone - 1)) end
  index = index + gone
  if shares > 0 then redis.call("HSET", key, unpack(ARGV, index, index + 2 * shares - 1)) end
  index = index + 2 * shares
  redis.call("HSET", key, "", version .. " " .. observers)
  if observers == "0" and redis.call("HLEN", key) == 1 then
    redis.call("DEL", key)
    redis.call("SREM", prefix .. ":rooms-of:" .. node, room)
    redis.call("SREM", nodesIn, node)
    if redis.call("SCARD", nodesIn) == 0 then redis.call("ZREM", prefix .. ":peopled", room) end
  elseif redis.call("SADD", nodesIn, node) == 1 then
    redis.call("SADD", prefix .. ":rooms-of:" .. node, room)
    redis.call("ZADD", prefix .. ":peopled", 0, room)
  end
  redis.call("PUBLISH", prefix .. ":p:" .. room, text)
end
return 1
