-- The steps of one session's life, as scheduler/claims.py allows them, with their events. Frees and takes no slots.
-- States: r(eserved), h(eld), s(uspended). Usage is {bytes in, bytes out, messages in, messages out}.

local total_usage, count_state, watch, leave_state, forget_grant, hold, wait_for_return, suspend, fall_back, take_late_usage, keep_usage, claimed

do

local function add_usage(one, other)
  if not one then return other end
  if not other then return one end
  return {one[1] + other[1], one[2] + other[2], one[3] + other[3], one[4] + other[4]}
end

function total_usage(s)
  if not s.rest then return nil end
  return add_usage(add_usage(s.usage, s.old_usage), s.attach_usage)
end

function count_state(s, state, by)
  if state == 'h' then
    count(s.worker, by * HELD)
  elseif state == 's' then
    count(s.worker, by * SUSPENDED)
  end
end

-- When the sweep must look at it.
function watch(s)
  set_due(s.id, s.state == 'h' and s.expires or math.min(s.due, s.expires))
end

function leave_state(s, till)
  count_state(s, s.state, -1)
  if s.state == 'h' and till > s.since then s.held = s.held + till - s.since end
end

-- {R}:granted request -> session, while a waiter's slot is not confirmed.
function forget_grant(s)
  if not s.granted then return end
  ask('HDEL', R .. ':granted', s.request)
  s.granted = nil
end

-- With its event, which whoever wants to save it once for both says itself: answers the event's type.
function hold(s, is_quiet)
  count_state(s, s.state, -1)
  if s.state == 's' then set_member(R .. ':gs:' .. s.gateway, s.id, true) end
  s.state = 'h'
  count_state(s, 'h', 1)
  s.since, s.was_held, s.owes = now, true, true -- owes: its gateway has not said what this attach carried in the end
  if s.rest then
    s.detached, s.displaced, s.lost, s.parted = nil, nil, nil, nil
    forget_grant(s)
  end
  local is_first = not s.started
  s.started = s.started or now
  watch(s)
  local type = is_first and 'session.started' or 'session.resumed'
  if not is_quiet then append_of(s, type) end
  return type
end

function wait_for_return(s)
  s.due = now + s.resume
  watch(s)
end

local function to_suspended(s)
  s.state = 's'
  count_state(s, 's', 1)
  set_member(R .. ':gs:' .. s.gateway, s.id, false)
end

function suspend(s, is_lost, held_until)
  leave_state(s, held_until or now)
  to_suspended(s)
  s.displaced, s.lost = is_lost or nil, is_lost or nil
  wait_for_return(s)
  append_of(s, 'session.suspended')
end

function fall_back(s)
  to_suspended(s)
  forget_grant(s)
  wait_for_return(s)
end

function take_late_usage(s, fence, usage, is_final)
  if fence == s.old_fence then
    s.old_usage = usage
    if is_final then s.old_owes = nil end
  elseif fence == s.fence then
    s.attach_usage = usage
    if is_final then s.owes = false end
  else
    return
  end
  save(s)
end

function keep_usage(s)
  s.usage = add_usage(s.usage, s.old_usage)
  s.lacks, s.old_owes, s.owes = s.lacks or s.old_owes, s.owes or nil, false
  s.old_usage, s.old_fence, s.attach_usage = s.attach_usage, s.fence, nil
end

function claimed(s, reach)
  local usage = total_usage(s)
  return {'claimed', s.id, s.worker, reach or ask('HGET', R .. ':reach', s.worker), s.fence, s.pool, s.due, s.expires, s.started and true or false,
    usage and usage[1] + usage[2] or 0}
end

end
