-- A waiting session's place. args: {session}
begin(KEYS, ARGV)
local waiter = waiter_of(args[1])
if not waiter then return answer(false) end
local place = position(waiter)
return answer({place, eta(waiter, place), now - waiter.since})
