--! flags allow-oom
-- Reserved -> held; done already is done. args: {session, fence}
begin(KEYS, ARGV)
local id, fence = args[1], args[2]
local s = session_of(id)
if not s or s.fence ~= fence or s.state == 's' then return answer(stale(id, s)) end
if s.state == 'h' then return answer({'done'}) end
local is_parted = s.parted
hold(s)
call('DEL', R .. ':c:' .. s.worker)
if is_parted then suspend(s, true) end -- its relays were closed a moment ago
save(s)
return answer(is_parted and stale(id, s) or {'done'})
