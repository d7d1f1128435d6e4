--! flags allow-oom
-- A session under a revocation ends. Answers whether it was live. args: the wish
begin(KEYS, ARGV)
local s = session_of(args[1])
if s then finish(s, args) end
return answer(s and true or false)
