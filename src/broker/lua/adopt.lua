#!lua flags=allow-oom
-- Takes a Redis into use: makes sure that it has an epoch, and that nothing was lost that the node
-- which asks has seen. A fence names one stretch of one Redis' life, "<number>:<run id>:<nonce>":
-- whoever writes names the fence that was adopted, and is refused once there is another.
--
-- KEYS: 1 the hash of heads. ARGV: 1 the run id of this Redis, 2 an epoch for a new life, 3 the channel
-- on which a new epoch is told, 4 to 6 epoch, fence and newest sequence number that the node knows;
-- empty, empty and 0 when it knows of none; 7 epochs that it knows to be over, with spaces between.
-- Answers { epoch, fence, sequence number }.
local heads, run, candidate, channel = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local knownEpoch, knownFence, knownSeq = ARGV[4], ARGV[5], tonumber(ARGV[6])
local fencesMax = 100
redis.call("TIME") -- which presence needs: a user who may not ask for it is refused here

local found = redis.call("HMGET", heads, " epoch", " run", " seq")
local epoch, fence, seq = found[1], found[2], tonumber(found[3] or "0")
local number, fencedRun = 0, nil
if fence then
  local first, second = string.match(fence, "^(%d+):([^:]*):")
  number, fencedRun = tonumber(first or "0"), second
end

local function begin()
  if fence then
    -- What had been stored when this stretch ended, for nodes that come back from it later.
    redis.call("HSET", heads, " left:" .. number, fence .. " " .. string.format("%.0f", seq))
    redis.call("HDEL", heads, " left:" .. (number - fencesMax))
  end
  number = number + 1
  fence = number .. ":" .. run .. ":" .. candidate
  redis.call("HSET", heads, " run", fence)
end

if not epoch then
  epoch = candidate
  redis.call("HSET", heads, " epoch", epoch, " seq", string.format("%.0f", seq))
  begin()
elseif fencedRun ~= run then
  begin()
end

-- An epoch that was over comes back with an old file. Its offsets were given to others before.
local isLost = string.find(" " .. ARGV[7] .. " ", " " .. epoch .. " ", 1, true)

-- Is all that the node has seen still there? What was stored when its fence was left tells it; a fence
-- that stayed tells what is stored now, for a master may go and come back with the data of another.
if knownEpoch == epoch and knownFence ~= "" then
  local knownNumber = string.match(knownFence, "^(%d+):") or ""
  local left = redis.call("HGET", heads, " left:" .. knownNumber) or ""
  local leftFence, leftSeq = string.match(left, "^(%S+) (%d+)$")
  if knownFence == fence then leftFence, leftSeq = fence, seq end
  isLost = isLost or leftFence ~= knownFence or tonumber(leftSeq) < knownSeq
end
if isLost then
  epoch = candidate
  redis.call("HSET", heads, " epoch", epoch)
  begin()
end
-- Told each time, though only a new one says anything: a user who may not publish is refused here.
redis.call("PUBLISH", channel, epoch)
return { epoch, fence, string.format("%.0f", seq) }
