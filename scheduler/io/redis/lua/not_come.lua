-- Which of these sessions a region has never seen, or has no more. args: session ids
begin(KEYS, ARGV)
local absent = {}
for _, id in ipairs(args) do
  if not session_of(id) and not waiter_of(id) and not parcel_of(id) and not guest_of(id)
      and call('HEXISTS', R .. ':left', id) == 0 then
    absent[#absent + 1] = id
  end
end
return answer(absent)
