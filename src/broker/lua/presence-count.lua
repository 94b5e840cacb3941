#!lua flags=no-writes
-- Counts who is in rooms: each user once, and how many read without being members.
--
-- ARGV: 1 the prefix, then the rooms. Answers { members, observers, members, observers, … }.
local prefix = ARGV[1]
local answer = {}
for index = 2, #ARGV do
  local room = ARGV[index]
  local nodes = redis.call("SMEMBERS", prefix .. ":nodes-in:" .. room)
  local members, observers, seen = 0, 0, {}
  for _, node in ipairs(nodes) do
    local key = prefix .. ":members:" .. node .. ":" .. room
    local own = string.match(redis.call("HGET", key, "") or "", " (%d+)$") or "0"
    observers = observers + tonumber(own)
    if #nodes == 1 then
      members = math.max(0, redis.call("HLEN", key) - 1)
    else
      for _, user in ipairs(redis.call("HKEYS", key)) do
        if user ~= "" and not seen[user] then
          seen[user] = true
          members = members + 1
        end
      end
    end
  end
  answer[#answer + 1] = members
  answer[#answer + 1] = observers
end
return answer
