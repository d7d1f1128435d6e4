--! flags allow-oom
-- Those of these sessions that only wait leave the queue. args: {session...}
begin(KEYS, ARGV)
if queue_length() == 0 then return answer(true) end
for _, id in ipairs(args) do
  local waiter = waiter_of(id)
  if waiter and not session_of(id) then dismiss(waiter, OVER[1], OVER[2]) end
end
return answer(true)
