-- A live or waiting session's time to live moves; an attached one's gateway hears. args: {session, expires}
begin(KEYS, ARGV)
local id, expires = args[1], args[2]
local waiter = waiter_of(id)
if waiter then
  waiter.q.expires = expires
  save_waiter(waiter)
end
local s = session_of(id)
if not s then return answer(waiter and DONE or stale(id)) end
s.expires = expires
watch(s)
save(s)
if s.state ~= 's' then tell(s.gateway, 'extended', id, expires) end
return answer(DONE)
