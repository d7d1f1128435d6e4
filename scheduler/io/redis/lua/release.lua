--! flags allow-oom
-- The attach failed before its 101. args: {session, fence}
begin(KEYS, ARGV)
local id, fence = args[1], args[2]
local s = session_of(id)
if not s or s.fence ~= fence or s.state == 'h' then return answer(stale(id, s)) end
if s.state == 'r' then give_up(s) end
return answer(DONE)
