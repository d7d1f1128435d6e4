-- A session that another region cannot keep: a slot waits for it here, or it waits in this queue too.
-- args: the request q, with q.ticket and q.carried, the region that it is in. q.wait is 0 for one that must not wait, q.forced
-- takes it without a slot: it was on its way, and what waited for it is gone
begin(KEYS, ARGV)
q = args
local waiter = queue_length() > 0 and waiter_of(q.session)
if waiter and waiter.q.request ~= q.request then
  leave_queue(waiter) -- of an earlier connection
  waiter = nil
end
local guest = guest_of(q.session)
local worker = guest and guest[2] or choose(q.wanted, {})
if worker or q.forced then
  expect(q, worker)
  if waiter then leave_queue(waiter) end
  return answer({'expected'})
end
if waiter then return answer(queued(waiter)) end
if not has_hope(q.wanted) then return answer({'unmatched'}) end
waiter = q.wait > 0 and join_queue(q)
return answer(waiter and queued(waiter) or {'full'})
