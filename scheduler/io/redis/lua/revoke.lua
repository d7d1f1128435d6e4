--! flags allow-oom
--! use base fleet
-- Remembers a revocation, tells every gateway, and names the sessions that live under it. KEYS[1] is the fleet's prefix.
-- args: {kind, id, until, before, reason}
local kind, id = args[1], args[2]
local name = kind .. ' ' .. id
local raw = call('HGET', R .. ':revoked', name)
local earlier = raw and unpack_message(raw) or {0, 0}
call('HSET', R .. ':revoked', name, pack({math.max(earlier[1], args[3]), math.max(earlier[2], args[4]), args[5]}))
call('SPUBLISH', R .. ':all', pack({'revoked', args}))
if kind == 'session' then
  return answer(call('HEXISTS', R .. ':s', id) == 1 and {id} or {})
end
return answer(call('SMEMBERS', R .. ':' .. kind:sub(1, 1) .. ':' .. id))
