--! flags allow-oom
-- Held -> suspended, with all that the attach carried; done already is done. args: {session, fence, usage, is lost}
begin(KEYS, ARGV)
local id, fence, usage, is_lost = args[1], args[2], args[3], args[4]
local s = session_of(id)
if not s then return answer(stale(id)) end
if s.fence ~= fence then
  take_late_usage(s, fence, usage, true)
  return answer(stale(id, s))
end
if s.state == 'r' then hold(s) end -- its confirmation was lost on the way: only what was relayed is suspended
s.attach_usage, s.owes = usage, false
if s.state == 'h' then suspend(s, is_lost) end
save(s)
return answer(DONE)
