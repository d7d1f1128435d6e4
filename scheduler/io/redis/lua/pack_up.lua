-- The session leaves for the slot that waits for it in another region: nothing here can end it any more, and its own slot is
-- free. Done again it answers the same. args: {request q, region, ticket, the ticket that it had and that lapsed, or false}
begin(KEYS, ARGV)
local region, ticket, lapsed = args[2], args[3], args[4]
q = args[1]

local function pack_parcel(record, fence)
  local raw = pack({record, q, region, ticket, q.session, fence})
  call('HSET', R .. ':away', q.session, raw)
  return {'packed', raw}
end

local raw = parcel_of(q.session)
if raw then
  local parcel = unpack_message(raw)
  if parcel[4] == ticket then return answer({'packed', raw}) end
  if parcel[4] ~= lapsed then return answer({'no'}) end
  return answer(pack_parcel(parcel[1], parcel[6]))
end
local s = session_of(q.session)
if not s or s.state ~= 's' then return answer({'no'}) end
local waiter = waiter_of(s.id)
if waiter then
  if waiter.q.request ~= q.request then return answer({'no'}) end
  leave_queue(waiter)
elseif q.granted or not is_displaced(s) then
  return answer({'no'})
end
local packed = pack_parcel(pack_session(s), s.fence)
call('ZREM', R .. ':due', s.id)
call('SREM', R .. ':ws:' .. s.worker, s.id)
call('DEL', R .. ':s:' .. s.id)
count_state(s, 's', -1)
leave_worker(s, s.worker)
return answer(packed)
