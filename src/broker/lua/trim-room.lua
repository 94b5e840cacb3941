-- What a payload says of its message: the bytes of its body, and when it came.
local function bytesOf(payload)
  return tonumber(string.match(payload, "^[^\n]*\n(%d+)")) or 0
end

local function timeOf(payload)
  return tonumber(string.match(payload, "^[^\n]*\n%d+ (%S+)")) or 0
end

-- Forgets the oldest messages of a room past its bounds, and their ids with them. 0 is no bound, nor is
-- nil for `before`, the time before which a message is too old. Never the newest for its bytes alone.
-- Ends after about 512 messages or 4 MiB. Returns whether there may be more, and how many
-- messages and bytes it was.
local function trimRoom(prefix, room, last, messagesMax, bytesMax, before)
  local log, ids = prefix .. ":log:" .. room, prefix .. ":ids:" .. room
  local kept, total = redis.call("XLEN", log), tonumber(redis.call("HGET", prefix .. ":bytes", room) or 0)
  if kept == 0 then
    redis.call("ZREM", prefix .. ":ages", room)
    return false, 0, 0
  end
  local over = math.max(0, messagesMax > 0 and kept - messagesMax or 0)
  local isAged = before and (tonumber(redis.call("ZSCORE", prefix .. ":ages", room)) or 0) < before
  if over == 0 and not isAged and (bytesMax == 0 or kept == 1 or total <= bytesMax) then return false, 0, 0 end
  local gone, freed, names, oldestAt = 0, 0, {}, nil
  -- Few at a time where they are large: what is looked at is copied.
  local page = math.max(1, math.min(128, math.floor(1048576 / (total / kept + 1))))
  while gone < kept and gone < 512 and freed < 4194304 and not oldestAt do
    local entries = redis.call("XRANGE", log, (last - kept + 1 + gone) .. "-0", "+", "COUNT", page)
    if #entries == 0 then break end
    for _, entry in ipairs(entries) do
      local id, bytes, at = string.match(entry[2][4] or "", "^([^\n]*)\n(%d+) (%S+)")
      if not id then id, bytes, at = "", 0, 0 end -- not of ours
      local left = kept - gone
      if (messagesMax > 0 and left > messagesMax)
        or (before and tonumber(at) < before)
        or (bytesMax > 0 and left > 1 and total - freed > bytesMax) then
        gone = gone + 1
        freed = freed + bytes
        names[gone] = id
      else
        oldestAt = tonumber(at) or 0
        break
      end
    end
  end
  if oldestAt then redis.call("ZADD", prefix .. ":ages", oldestAt, room) end
  if gone == 0 then return false, 0, 0 end
  if gone == kept then
    redis.call("UNLINK", log, ids)
    redis.call("HDEL", prefix .. ":bytes", room)
    redis.call("ZREM", prefix .. ":ages", room)
    return false, gone, freed
  end
  redis.call("XTRIM", log, "MINID", "=", (last - kept + 1 + gone) .. "-0")
  for from = 1, gone, 512 do
    redis.call("HDEL", ids, unpack(names, from, math.min(gone, from + 511)))
  end
  redis.call("HINCRBY", prefix .. ":bytes", room, 0 - freed) -- "-0" is no integer
  return not oldestAt, gone, freed
end
