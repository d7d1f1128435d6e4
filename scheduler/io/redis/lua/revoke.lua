--! flags allow-oom
-- Remembers a revocation, tells every gateway, and names the sessions under it, with their regions. KEYS[1] is the fleet's prefix.
-- args: {kind, id, until, before, reason}
begin(KEYS, ARGV)
local kind, id = args[1], args[2]
local name = kind .. ' ' .. id
local raw = call('HGET', R .. ':revoked', name)
local earlier = raw and unpack_message(raw) or {0, 0}
call('HSET', R .. ':revoked', name, pack({math.max(earlier[1], args[3]), math.max(earlier[2], args[4]), args[5]}))
call('SPUBLISH', R .. ':all', pack({'revoked', args}))
local hit = {}
for _, session in ipairs(kind == 'session' and {id} or call('SMEMBERS', R .. ':' .. kind:sub(1, 1) .. ':' .. id)) do
  local known = call('HGET', R .. ':s', session)
  if known then hit[#hit + 1] = {session, unpack_message(known)[1]} end
end
return answer(hit)
