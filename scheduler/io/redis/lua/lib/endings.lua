-- How a session ends: once, with its record and its event, in the step that frees its slot.
-- A wish is {session, outcome, code, reason, by, fence, usage, workspace}.

local OVER = {'SESSION_ENDED', 'the session was ended; create another one'}

-- A waiter goes, unserved. A suspended session that waited for another worker gets its time to return anew.
local function leave_line(waiter)
  leave_queue(waiter)
  local s = session_of(waiter.q.session)
  if not s then
    if not waiter.q.carried then depart(waiter.q.session, waiter.q) end -- else another region has it
  elseif s.state == 's' then
    wait_for_return(s)
    save(s)
  end
end

local function dismiss(waiter, code, detail, retry_after)
  leave_line(waiter)
  tell(waiter.q.gateway, 'queue_refused', waiter.q.request, refused(code, detail, retry_after))
end

local function record_of(wish, held, usage, is_estimated)
  return pack({wish[1], wish[2], wish[3] or false, wish[4], wish[5], now, held, usage or false, is_estimated})
end

-- Ends a live session: closes its attach if that does not know, tells its worker, writes the one record.
local function finish(s, wish)
  local by, is_by_attach = wish[5], wish[6] and wish[5] ~= 'worker'
  if is_by_attach then
    if wish[7] then s.attach_usage = wish[7] end
  elseif s.state ~= 's' then
    tell(s.gateway, 'close', s.id, s.fence, wish[3] or 'SESSION_ENDED', false)
  end
  if by ~= 'worker' then direct(s.worker, 'end_session', s.id, s.fence, wish[4]) end
  local waiter = queue_length() > 0 and waiter_of(s.id)
  if waiter then dismiss(waiter, OVER[1], OVER[2]) end
  local is_estimated = (s.rest and (s.is_adopted or s.lacks or s.old_owes) or s.owes and not is_by_attach) and true or false
  leave_state(s, now)
  local record = record_of(wish, s.held, total_usage(s), is_estimated)
  append_of(s, 'session.ended', record)
  vacate(s, math.max(s.expires, now + TOMBSTONE_LEAST_SECONDS), record, wish[2] == 'EXPIRED')
  return record
end

-- A session of the queue that never had a claim.
local function end_waiting(waiter, wish)
  local q = waiter.q
  leave_queue(waiter)
  tell(q.gateway, 'queue_refused', q.request, refused(OVER[1], OVER[2]))
  local record = record_of(wish, 0, false, false)
  append('session.ended', q.session, false, 1, {workspace = q.workspace}, record)
  depart(q.session, q, math.max(now + TOMBSTONE_SECONDS, q.expires), record, wish[2] == 'EXPIRED')
  return record
end
