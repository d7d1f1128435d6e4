--! flags allow-oom
-- A session that waited in several regions got its slot in one. KEYS[1] is the fleet's prefix. args: {session, region}
begin(KEYS, ARGV)
local raw = call('HGET', R .. ':s', args[1])
if raw then
  local about = unpack_message(raw)
  about[1] = args[2]
  call('HSET', R .. ':s', args[1], pack(about))
end
return answer(true)
