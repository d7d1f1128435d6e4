-- Asks the holder's gateway, if it listens. args: the wish
begin(KEYS, ARGV)
local s = session_of(args[1])
if not s or s.state ~= 'h' then return answer(false) end
args[6] = s.fence
return answer(tell(s.gateway, 'end', args) > 0)
