-- Forgets what is kept of a room, and tells everybody who listens to it. Returns up to where.
-- KEYS: heads. ARGV: prefix, run, node, room.
local heads, prefix, room = KEYS[1], ARGV[1], ARGV[4]
local known = redis.call("HMGET", heads, " epoch", " run", room)
if known[2] ~= ARGV[2] then return redis.error_reply("FENCED another run is in use") end
if not known[3] then return "0" end
-- Freed by another thread of Redis, however much it was.
redis.call("UNLINK", prefix .. ":log:" .. room, prefix .. ":ids:" .. room)
redis.call("HDEL", prefix .. ":bytes", room)
redis.call("ZREM", prefix .. ":ages", room)
redis.call("PUBLISH", prefix .. ":m:" .. room, "! " .. known[1] .. " " .. known[3] .. " " .. ARGV[3] .. "\n")
return known[3]
