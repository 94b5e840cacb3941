-- Reads messages of a room after or before an offset. KEYS: heads. ARGV: prefix, room, "after" or
-- "before", the offset, messagesMax, bytesMax, the epoch that the offset is of ("" for any), and the
-- fence under which its epoch was last adopted by whoever asks.
-- Returns "<epoch> <seq> <first> <last> <lastAt> <from>", `from` being the offset of the first message read, and
-- the payloads in the order in which they were read. Where nothing was, `from` is one after the newest.
-- After an offset of another epoch it begins with the first message stored since that fence was left or,
-- where this Redis never lived under it, with the first of its epoch, or after the offset if that is lower:
-- what is below was told in the life before.
local prefix, room, way, offset = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local messagesMax, bytesMax, known, fence = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7], ARGV[8]
local log = prefix .. ":log:" .. room
local heads = redis.call("HMGET", KEYS[1], " epoch", " seq", room)
local epoch = heads[1]
if not epoch then return redis.error_reply("FENCED the numbering is gone") end
local first, last, lastAt = headOf(prefix, room, tonumber(heads[3]))

if known ~= "" and known ~= epoch then
  local number = tonumber(string.match(fence, "^%d+"))
  local left = number and redis.call("HGET", KEYS[1], " left:" .. number) or ""
  if string.match(left, "^%S*") ~= fence then number = nil end

  local function isSince(place)
    local id = place .. "-0"
    local entry = redis.call("XRANGE", log, id, id)[1]
    local life, stored = string.match(entry and entry[2][2] or "", "^(%w+):(%d+)$")
    return life == epoch or (life and number and tonumber(stored) > number)
  end

  local low, high = first, last + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if isSince(middle) then high = middle else low = middle + 1 end
  end
  offset = math.min(offset, low - 1)
end

local kept = last - first + 1
local total = tonumber(redis.call("HGET", prefix .. ":bytes", room) or 0)
local page = math.max(1, math.min(64, math.floor(bytesMax / (total / math.max(1, kept) + 1))))
local from, to, step = math.max(first, offset + 1), last, 1
if way == "before" then from, to, step = math.min(last, offset - 1), first, -1 end
local start, payloads, bytes = from, {}, 0
while #payloads < messagesMax and (to - from) * step >= 0 and from <= last do
  local count = math.min(page, messagesMax - #payloads)
  local command = step == 1 and "XRANGE" or "XREVRANGE"
  local entries = redis.call(command, log, from .. "-0", to .. "-0", "COUNT", count)
  if #payloads == 0 and entries[1] then
    -- Where something lies beyond the newest offset, the number of entries tells a wrong one.
    start = tonumber(string.match(entries[1][1], "%d+"))
  end
  for _, entry in ipairs(entries) do
    local payload = entry[2][4] or "" -- not of ours
    bytes = bytes + (string.match(payload, "^[^\n]*\n(%d+)") or 0)
    if #payloads > 0 and bytes > bytesMax then
      messagesMax = 0
      break
    end
    payloads[#payloads + 1] = payload
  end
  if #entries < count then break end
  from = from + step * count
end
if #payloads == 0 then start = last + 1 end
return { table.concat({ epoch, heads[2], first, last, lastAt, start }, " "), unpack(payloads) }
