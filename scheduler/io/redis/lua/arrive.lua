--! flags allow-oom
-- A session comes from another region, to the slot that waits for it: a new attach, and all that was before. Where its worker
-- was lost meanwhile, or no slot waits, it is suspended as if its worker were lost. args: {parcel}
begin(KEYS, ARGV)
local s, ticket
local parcel = unpack_message(args[1])
s, q, ticket = unpack_session(parcel[1]), parcel[2], parcel[4]

local here = session_of(s.id)
if here then
  local is_asked = here.request == q.request and here.state ~= 's'
  return answer(is_asked and claimed(here) or {'arrived', here.fence})
end
local gone = F == '' and call('HGET', R .. ':left', s.id)
if parcel_of(s.id) or gone and unpack_message(gone)[5] then return answer({'gone'}) end -- it was here
local guest = guest_of(s.id)
if not guest or guest[1] ~= ticket then return answer({'lapsed'}) end
call('HDEL', R .. ':guests', s.id)
s.region, s.due = parcel[3], now + q.resume
if guest[2] then s.worker = guest[2] else take(s.worker) end
local w = worker_of(s.worker)
s.displaced = (not w or w.health == 'lost') or nil
if w then s.pool = w.pool end
call('SADD', R .. ':ws:' .. s.worker, s.id)
count_state(s, 's', 1)
if s.displaced then
  watch(s)
  save(s)
  return answer({'arrived', s.fence})
end
reserve(s, q)
if q.granted then
  s.granted = true
  call('HSET', R .. ':granted', q.request, s.id)
end
save(s)
return answer(claimed(s))
