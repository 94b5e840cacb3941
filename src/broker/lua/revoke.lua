#!lua flags=allow-oom
-- Keeps revocations: of two times for the same token or user the later one, "never" before all others.
-- What changes anything is told to all nodes.
-- KEYS: 1 the hash. ARGV: 1 how many it may hold (0: no bound), 2 the channel, 3 what to tell, then
-- pairs of a field and its time. Answers 0 where there is no room for a new one, else 1.
local kept, max, isNew = KEYS[1], tonumber(ARGV[1]), false
for at = 4, #ARGV, 2 do
  local field, time = ARGV[at], ARGV[at + 1]
  local known = redis.call("HGET", kept, field)
  local isLater = known and known ~= "never"
    and (time == "never" or tonumber(time) > (tonumber(known) or 0))
  if not known and max > 0 and redis.call("HLEN", kept) >= max then return 0 end
  if not known or isLater then
    redis.call("HSET", kept, field, time)
    isNew = true
  end
end
if isNew then redis.call("PUBLISH", ARGV[2], ARGV[3]) end
return 1
