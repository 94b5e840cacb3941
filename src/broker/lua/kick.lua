#!lua flags=allow-oom
-- Tells all nodes to end connections, and keeps that for nodes that cannot hear it now.
-- KEYS: 1 the stream. ARGV: 1 the channel, 2 how many to keep, 3 for how many milliseconds, 4 whose
-- connections, as JSON. Answers how many nodes heard it.
local id = redis.call("XADD", KEYS[1], "MAXLEN", ARGV[2], "*", "kick", ARGV[4])
redis.call("PEXPIRE", KEYS[1], ARGV[3])
return redis.call("PUBLISH", ARGV[1], 'kick ["' .. id .. '",' .. ARGV[4] .. "]")
