--! flags allow-oom
-- A session is in another region now: it waited in several, or was carried there. What is older than what the shard heard
-- last changes nothing. KEYS[1] is the fleet's prefix. args: {session, region, fence}
begin(KEYS, ARGV)
local raw = call('HGET', R .. ':s', args[1])
if raw then
  local about = unpack_message(raw)
  if args[3] >= (about[5] or 0) then
    about[1], about[5] = args[2], args[3]
    call('HSET', R .. ':s', args[1], pack(about))
  end
end
return answer(true)
