-- Trims rooms to their bounds, as many as fit into one turn of Redis. KEYS: heads. ARGV: prefix,
-- messagesMax, bytesMax, before ("" for any age), then the rooms. Returns those that are not done.
local prefix, messagesMax, bytesMax = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local unfinished, messages, bytes = {}, 0, 0
for index = 5, #ARGV do
  local room = ARGV[index]
  local last = tonumber(redis.call("HGET", KEYS[1], room))
  local isUnfinished, gone, freed = messages >= 512 or bytes >= 4194304, 0, 0
  if not last then
    redis.call("ZREM", prefix .. ":ages", room)
    isUnfinished = false
  elseif not isUnfinished then
    isUnfinished, gone, freed = trimRoom(prefix, room, last, messagesMax, bytesMax, tonumber(ARGV[4]))
  end
  messages, bytes = messages + gone, bytes + freed
  if isUnfinished then unfinished[#unfinished + 1] = room end
end
return unfinished
