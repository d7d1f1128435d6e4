--! flags allow-oom
-- A parcel has arrived. args: {session, ticket}
begin(KEYS, ARGV)
local raw = parcel_of(args[1])
if raw and unpack_message(raw)[4] == args[2] then call('HDEL', R .. ':away', args[1]) end
return answer(true)
