#!lua flags=allow-oom
-- Counts users' connections to one node, and tells on how many nodes each of them is. The counts of a
-- node are under its lease: without one they are not looked at.
-- KEYS: 1 the leases of all nodes, 2 the hash of this node's counts. ARGV: 1 the node, 2 what the hashes
-- of counts begin with, 3 the milliseconds after which the hash ends unless it is written again, 4 the
-- channel, 5 how many connections a user may have on all nodes (0: no bound), then pairs of a user and
-- how many connections they have to this node.
-- Answers for each the number of nodes; 0 where there are more than there may be: then nothing is written.
local leases, own, max = KEYS[1], KEYS[2], tonumber(ARGV[5])
local time = redis.call("TIME")
local now = string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000))
local others, answer, told = {}, {}, {}
-- A lease is negative while its node tells anew who is where: it is there all the same.
for _, alive in ipairs({ { now, "+inf" }, { "-inf", "-" .. now } }) do
  for _, node in ipairs(redis.call("ZRANGEBYSCORE", leases, alive[1], alive[2])) do
    if node ~= ARGV[1] then others[#others + 1] = ARGV[2] .. node end
  end
end
for at = 6, #ARGV, 2 do
  local user, count = ARGV[at], tonumber(ARGV[at + 1])
  local sum, nodes = count, 1
  for _, other in ipairs(others) do
    local elsewhere = tonumber(redis.call("HGET", other, user) or nil)
    if elsewhere and elsewhere > 0 then
      sum = sum + elsewhere
      nodes = nodes + 1
    end
  end
  if max > 0 and sum > max then
    nodes = 0
  elseif redis.call("HSET", own, user, ARGV[at + 1]) == 1 and nodes > 1 then
    told[#told + 1] = "[" .. user .. "," .. nodes .. "]"
  end
  answer[#answer + 1] = nodes
end
redis.call("PEXPIRE", own, ARGV[3])
if #told > 0 then redis.call("PUBLISH", ARGV[4], "users [" .. table.concat(told, ",") .. "]") end
return answer
