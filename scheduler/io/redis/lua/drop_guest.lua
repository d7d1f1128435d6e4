--! flags allow-oom
-- It does not come. args: {session, ticket}
begin(KEYS, ARGV)
local guest = guest_of(args[1])
if guest and guest[1] == args[2] then drop_guest(args[1], guest) end
return answer(true)
