--! flags allow-oom
-- The holder's answer. One that nobody waits for, or about another attach, changes nothing.
-- args: {session, fence, request, is alive}
begin(KEYS, ARGV)
local raw = call('HGET', R .. ':contests', args[3])
local known = raw and unpack_message(raw)
if known and known[1] == args[1] and known[2] == args[2] then settle_contest(args[3], known, args[4]) end
return answer(true)
