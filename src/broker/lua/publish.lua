-- Numbers, stores and announces the messages of a batch: all of them, or none. What is refused (another
-- run, no memory, a replica) is refused before the first write. The heads come last but for the
-- announcements: what is cut off in between, by a key that is somebody else's, was never there.
-- KEYS: heads. ARGV: prefix, run, node, messagesMax, bytesMax (0: no bound), then for each room its
-- name, how many drafts it has, the bytes of their bodies, and for each of them its id and its payload.
-- Returns "<epoch> <seq>" and a line for each room: the first new offset, "<index>=<offset>" for each
-- draft that was known already, counted from 0, and "!" where the room is past a bound.
local heads, prefix, node = KEYS[1], ARGV[1], ARGV[3]
local messagesMax, bytesMax = tonumber(ARGV[4]), tonumber(ARGV[5])
local asked, at = { " epoch", " run", " seq" }, 6
while at <= #ARGV do
  asked[#asked + 1] = ARGV[at]
  at = at + 3 + 2 * ARGV[at + 1]
end
local known = redis.call("HMGET", heads, unpack(asked))
local epoch, seq = known[1], tonumber(known[3])
if known[2] ~= ARGV[2] then return redis.error_reply("FENCED another run is in use") end
-- The epoch of a message, and the number of the fence under which it is stored.
local life = epoch .. ":" .. (string.match(ARGV[2], "^%d+") or "0")

-- What lies beyond the newest offset is none of the log: somebody else's, or of a script that was cut off.
local function cutOff(log, ids, last)
  for _, entry in ipairs(redis.call("XRANGE", log, string.format("(%d-0", last), "+")) do
    redis.call("HDEL", ids, string.match(entry[2][4] or "", "^[^\n]*"))
    redis.call("XDEL", log, entry[1])
  end
  redis.call("XSETID", log, string.format("%d-0", last))
end

-- An announcement that is larger names the messages alone, to be read from the log: Redis cuts off
-- subscribers for whom it has to keep too much (client-output-buffer-limit pubsub).
local announcedMax = 262144
local newest, told, answer = {}, {}, {}
at = 6
for index = 4, #asked do
  local room, count, bytes = asked[index], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local log, ids = prefix .. ":log:" .. room, prefix .. ":ids:" .. room
  local last, places = tonumber(known[index]), {}
  at = at + 3
  if last then
    local names = {}
    for draft = 1, count do names[draft] = ARGV[at + 2 * draft - 2] end
    places = redis.call("HMGET", ids, unpack(names))
  else
    redis.call("ZADD", prefix .. ":rooms", 0, room)
    redis.call("DEL", log, ids) -- they may be left of another life
    last = 0
  end
  local first, fresh, given, payloads, line = last + 1, {}, {}, {}, { last + 1 }
  for draft = 1, count do
    local id, payload = ARGV[at], ARGV[at + 1]
    local place = places[draft]
    if place and tonumber(place) >= first then place = nil end -- cut off: see there
    place = place or fresh[id]
    if place then
      line[#line + 1] = (draft - 1) .. "=" .. place
      bytes = bytes - bytesOf(payload)
    else
      last = last + 1
      place = string.format("%d", last)
      fresh[id] = place
      given[#given + 1] = id
      given[#given + 1] = place
      payloads[#payloads + 1] = payload
      if type(redis.pcall("XADD", log, place .. "-0", "e", life, "m", payload)) == "table" then
        cutOff(log, ids, last - 1)
        redis.call("XADD", log, place .. "-0", "e", life, "m", payload)
      end
    end
    at = at + 2
  end
  if #payloads > 0 then
    seq = seq + #payloads
    newest[#newest + 1] = room
    newest[#newest + 1] = last
    redis.call("HSET", ids, unpack(given))
    local kept, total = redis.call("XLEN", log), bytes
    if kept == #payloads then
      redis.call("HSET", prefix .. ":bytes", room, bytes)
      redis.call("ZADD", prefix .. ":ages", timeOf(payloads[1]), room)
    else
      total = redis.call("HINCRBY", prefix .. ":bytes", room, bytes)
    end
    local head = table.concat({ epoch, first, last, seq, node }, " ") .. "\n"
    local text = table.concat(payloads, "\30")
    told[#told + 1] = { prefix .. ":m:" .. room, head .. (#text > announcedMax and "" or text) }
    if (messagesMax > 0 and kept > messagesMax) or (bytesMax > 0 and kept > 1 and total > bytesMax) then
      -- A busy room is trimmed by about this much at a time, not by one message for each that comes.
      local isLong = messagesMax > 0 and kept > messagesMax + math.min(256, math.floor(messagesMax / 16))
      local isLarge = bytesMax > 0 and total > bytesMax + math.min(1048576, bytesMax / 16)
      if isLong or isLarge then trimRoom(prefix, room, last, messagesMax, bytesMax) end
      line[#line + 1] = "!"
    end
  end
  answer[#answer + 1] = table.concat(line, " ")
end
if #newest > 0 then redis.call("HSET", heads, " seq", seq, unpack(newest)) end
for _, announcement in ipairs(told) do redis.call("PUBLISH", unpack(announcement)) end
return epoch .. " " .. seq .. "\n" .. table.concat(answer, "\n")
