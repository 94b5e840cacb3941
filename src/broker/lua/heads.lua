-- Tells what is kept of rooms. KEYS: heads. ARGV: prefix, then the rooms.
-- Returns "<epoch> <seq>" and for each room "<first> <last> <lastAt>": of the first one, and of as many
-- as there are before it has looked at newest messages of about 4 MiB.
local known = redis.call("HMGET", KEYS[1], " epoch", " seq")
if not known[1] then return redis.error_reply("FENCED the numbering is gone") end
local answer, bytes = { known[1] .. " " .. known[2] }, 0
for index = 2, #ARGV do
  local last = tonumber(redis.call("HGET", KEYS[1], ARGV[index]))
  local first, newest, lastAt, seen = headOf(ARGV[1], ARGV[index], last)
  answer[index] = table.concat({ first, newest, lastAt }, " ")
  bytes = bytes + seen
  if bytes > 4194304 then break end
end
return answer
