--! flags allow-oom
-- Remembers a revocation, and tells every gateway. KEYS[1] is the fleet's prefix.
-- args: {kind, id, until, before, reason}
begin(KEYS, ARGV)
local kind, id = args[1], args[2]
local name = kind .. ' ' .. id
local raw = call('HGET', R .. ':revoked', name)
local earlier = raw and unpack_message(raw) or {0, 0}
call('HSET', R .. ':revoked', name, pack({math.max(earlier[1], args[3]), math.max(earlier[2], args[4]), args[5]}))
call('SPUBLISH', R .. ':all', pack({'revoked', args}))
call('HSET', R .. ':s', '#r', 1)
return answer(true)
