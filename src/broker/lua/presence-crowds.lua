#!lua flags=no-writes
-- Tells who is in rooms, node by node.
--
-- ARGV: 1 the prefix, 2 a node that is left out, 3 how many users at most, then the rooms. The first
-- room is told of in any case; the others only as long as the users of all are no more than that.
-- Answers { the nodes that have told everything, those that are telling everything anew, then for each
-- room { { node, fields and values }, … } }.
local prefix, own, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local users = 0
local answer = {
  redis.call("ZRANGEBYSCORE", prefix .. ":nodes", "(0", "+inf"),
  redis.call("ZRANGEBYSCORE", prefix .. ":nodes", "-inf", "(0"),
}
for index = 4, #ARGV do
  local room = ARGV[index]
  local members = prefix .. ":members:"
  local nodes = redis.call("SMEMBERS", prefix .. ":nodes-in:" .. room)
  for _, node in ipairs(nodes) do
    users = users + redis.call("HLEN", members .. node .. ":" .. room)
  end
  if users > most and index > 4 then break end
  local crowd = {}
  for _, node in ipairs(nodes) do
    if node ~= own then
      crowd[#crowd + 1] = { node, redis.call("HGETALL", members .. node .. ":" .. room) }
    end
  end
  answer[#answer + 1] = crowd
end
return answer
