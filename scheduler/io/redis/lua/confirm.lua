--! flags allow-oom
-- Reserved -> held; done already is done. args: {session, fence}
begin(KEYS, ARGV)
local id, fence = args[1], args[2]
local s = session_of(id)
if not s or s.fence ~= fence or s.state == 's' then return answer(stale(id, s)) end
if s.state == 'h' then return answer(DONE) end
local is_parted = s.rest and s.parted
hold(s)
if write_count(s.worker, 0) >= COMPLAINED then clear_complaints(s.worker) end
if is_parted then suspend(s, true) end -- its relays were closed a moment ago
save(s)
return answer(is_parted and stale(id, s) or DONE)
