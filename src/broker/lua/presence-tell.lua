#!lua flags=allow-oom
-- Writes down what a node has to tell of rooms, and tells those who listen. Nodes that have said
-- good-bye leave their members there for whoever comes back: whoever has come back leaves them.
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
local leaving = redis.call("SMEMBERS", prefix .. ":leaving")

-- A share is JSON: [name, joinedAt, connections, namedAt].
local function connectionsOf(share)
  return tonumber(string.match(share or "", ",(%d+),%d+%]$") or "0")
end

-- Notes how far a node has told of a room.
local function note(room, from, key, version, observers)
  local nodesIn = prefix .. ":nodes-in:" .. room
  redis.call("HSET", key, "", version .. " " .. observers)
  if observers == "0" and redis.call("HLEN", key) == 1 then
    redis.call("DEL", key)
    redis.call("SREM", prefix .. ":rooms-of:" .. from, room)
    redis.call("SREM", nodesIn, from)
    if redis.call("SCARD", nodesIn) == 0 then redis.call("ZREM", prefix .. ":peopled", room) end
  elseif redis.call("SADD", nodesIn, from) == 1 then
    redis.call("SADD", prefix .. ":rooms-of:" .. from, room)
    redis.call("ZADD", prefix .. ":peopled", 0, room)
  end
end

-- Takes users who have come back out of a node that has said good-bye, and tells so in its name.
local function release(room, from, users)
  local key, gone = prefix .. ":members:" .. from .. ":" .. room, {}
  for _, user in ipairs(users) do
    if redis.call("HDEL", key, user) == 1 then gone[#gone + 1] = user end
  end
  if #gone == 0 then return end
  local told, observers = string.match(redis.call("HGET", key, "") or "", "^(%d+) (%d+)$")
  local version = string.format("%.0f", (told or 0) + 1) -- free: the node tells nothing any more
  note(room, from, key, version, observers or "0")
  local news = from .. " " .. version .. ' {"gone":[' .. table.concat(gone, ",") .. "]}"
  redis.call("PUBLISH", prefix .. ":p:" .. room, news)
end

local index = 4
while ARGV[index] do
  local room, version, observers = ARGV[index], ARGV[index + 1], ARGV[index + 2]
  local text = ARGV[index + 3]
  local gone, shares = tonumber(ARGV[index + 4]), tonumber(ARGV[index + 5])
  index = index + 6
  local key = prefix .. ":members:" .. node .. ":" .. room
  if gone > 0 then redis.call("HDEL", key, unpack(ARGV, index, index + gone - 1)) end
  index = index + gone
  local back = {}
  if #leaving > 0 then
    for at = index, index + 2 * shares - 1, 2 do
      local before = connectionsOf(redis.call("HGET", key, ARGV[at]))
      if connectionsOf(ARGV[at + 1]) > before then back[#back + 1] = ARGV[at] end
    end
  end
  if shares > 0 then redis.call("HSET", key, unpack(ARGV, index, index + 2 * shares - 1)) end
  index = index + 2 * shares
  note(room, node, key, version, observers)
  redis.call("PUBLISH", prefix .. ":p:" .. room, text)
  -- Last, so that nobody hears that users are gone from one place before they hear of the other.
  for _, other in ipairs(leaving) do release(room, other, back) end
end
return 1
