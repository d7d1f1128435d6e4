--! flags allow-oom
-- Reserved -> held; done already is done. args: {session, fence}
begin(KEYS, ARGV)
local id, fence = args[1], args[2]
local s = session_of(id)
if not s or s.fence ~= fence or s.state == 's' then return answer(stale(id, s)) end
if s.state == 'h' then return answer(DONE) end
local is_parted = s.rest and s.parted
local type = hold(s, not is_parted)
if write_count(s.worker, 0) >= COMPLAINED then clear_complaints(s.worker) end
if is_parted then
  suspend(s, true) -- its relays were closed a moment ago
  save(s)
  return answer(stale(id, s))
end
s.seq = s.seq + 1
note_event(pack({type, now, save(s)}))
return answer(DONE)
