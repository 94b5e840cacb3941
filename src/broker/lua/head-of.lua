-- What is kept of a room: the oldest and the newest offset, and when the newest came. Returns how many
-- bytes it looked at, too.
local function headOf(prefix, room, last)
  if not last then return 1, 0, 0, 0 end
  local log = prefix .. ":log:" .. room
  local kept = redis.call("XLEN", log)
  if kept == 0 then return last + 1, last, 0, 0 end
  local payload = redis.call("XREVRANGE", log, "+", "-", "COUNT", 1)[1][2][4] or ""
  local lastAt = string.match(payload, "^[^\n]*\n%d+ (%S+)") or 0
  return last - kept + 1, last, lastAt, #payload
end
