--! flags allow-oom
-- The waiter is gone, or its grant is not wanted any more. args: {request, session or false}
begin(KEYS, ARGV)
local request = args[1]
local session = call('HGET', R .. ':qr', request)
if session then
  leave_line(waiter_of(session))
  return answer(true)
end
session = call('HGET', R .. ':granted', request) or args[2]
local s = session and session_of(session)
if s and s.request == request and s.state == 'r' then
  give_up(s)
  return answer(true)
end
return answer(false)
