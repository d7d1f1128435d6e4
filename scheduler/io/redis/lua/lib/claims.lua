-- Taking and freeing slots: the only place where a worker's room changes, and where room goes to those who wait.

-- A new attach of a session on the slot it has: a higher fence, and a reservation.
local function reserve(s, q)
  if s.state then
    leave_state(s, now)
    if s.request ~= q.request then s.old_request = s.request end
    if s.state ~= 's' and s.gateway ~= q.gateway then set_member(R .. ':gs:' .. s.gateway, s.id, false) end
    s.request, s.gateway, s.resume, s.wanted = q.request, q.gateway, q.resume, q.wanted
    if s.was_held then keep_usage(s) end
    s.tried, s.detached, s.was_held, s.parted = nil, nil, false, nil
  end
  set_member(R .. ':gs:' .. q.gateway, s.id, true)
  s.state = 'r'
  s.fence = new_fence(s.fence)
  s.due = now + RESERVATION
  watch(s)
end

local function place(q, worker)
  local s = new_session(q, worker)
  local pool, reach = give_slot(worker)
  s.pool = pool or false
  ask('SADD', R .. ':ws:' .. worker, s.id)
  reserve(s, q)
  return s, reach
end

local function has_tried(s, worker)
  local tried = s.tried
  for n = 1, tried and #tried or 0 do
    if tried[n] == worker then return true end
  end
  return false
end

-- The worker that it has is one more that did not answer. Whoever asks saves it.
local function choose_untried(s, wanted)
  if not has_tried(s, s.worker) then
    s.tried = s.tried or {}
    s.tried[#s.tried + 1] = s.worker
  end
  return (choose(wanted, s.tried))
end

-- A slot that comes free on a worker which did not answer the session that had it goes to nobody who waits before that worker's
-- next heartbeat: who waits would only wait for nothing at a dead one.
local function grant_answering(s, worker)
  if not has_tried(s, worker) then grant(worker) end
end

-- Its slot is free; the worker is told to forget it.
local function leave_worker(s, worker)
  give(worker)
  local w = worker_of(worker)
  if w then
    if w.draining then
      w.draining.moved = w.draining.moved + 1
      save_worker(w)
    end
    direct(worker, 'end_session', s.id, s.fence, 'MOVED')
  end
  grant_answering(s, worker)
end

-- From the worker it has to another one with room.
local function rehome(s, worker)
  local old, pool = s.worker, give_slot(worker)
  ask('SREM', R .. ':ws:' .. old, s.id)
  count_state(s, s.state, -1)
  s.worker, s.pool, s.displaced, s.parted = worker, pool or false, nil, nil
  count_state(s, s.state, 1)
  ask('SADD', R .. ':ws:' .. worker, s.id)
  leave_worker(s, old)
end

-- The session leaves the region; its slot goes to whose turn it is.
local function vacate(s, till, record, is_expired)
  if s.rest then forget_grant(s) end
  drop_due(s.id)
  ask('SREM', R .. ':ws:' .. s.worker, s.id)
  if s.state ~= 's' then set_member(R .. ':gs:' .. s.gateway, s.id, false) end
  drop_session(R .. ':s:' .. s.id)
  depart(s.id, s, till, record, is_expired)
  give(s.worker)
  grant_answering(s, s.worker)
end

-- A reservation came to nothing: a new session leaves no trace, an older one keeps its slot. Answers whether it lives.
local function give_up(s)
  if s.started then
    fall_back(s)
    save(s)
    return true
  end
  spend_fence(s.fence)
  direct(s.worker, 'end_session', s.id, s.fence, 'NOT_CONFIRMED')
  vacate(s)
  return false
end

local function drop_attach(s)
  if s.state == 'h' then
    suspend(s, false)
    save(s)
  elseif s.state == 'r' then
    return give_up(s)
  end
  return true
end

local function grant_one(waiter, worker)
  local q = waiter.q
  local s = session_of(q.session)
  if q.carried and not s then -- it is in another region: whoever hears this brings it
    expect(q, worker)
    tell(q.gateway, 'expected', q)
    return
  end
  if s then
    if s.worker ~= worker then rehome(s, worker) end
    reserve(s, q)
  else
    s = place(q, worker)
    if F ~= '' and q.also then fleet_enter(F, q, q.region) end
  end
  s.granted = true
  save(s)
  ask('HSET', R .. ':granted', q.request, s.id)
  tell(q.gateway, 'granted', q.request, claimed(s))
end

-- As long as this worker has room and somebody waits for such: the next one gets it, and only its gateway hears.
grant = function(worker)
  if queue_length() == 0 then return end
  local slots, _, open, group = spot_of(worker)
  if not open or used_of(worker) >= slots then return end
  local about = unpack_message(ask('HGET', R .. ':groups', group))
  while used_of(worker) < slots and queue_length() > 0 do
    local waiter = serve(about[1], about[2])
    if not waiter then return end
    grant_one(waiter, worker)
  end
end

-- A worker is back: its sessions that wait get the slots they kept. No other had room when they asked.
local function grant_own(worker)
  if queue_length() == 0 then return end
  local ids = call('SMEMBERS', R .. ':ws:' .. worker)
  table.sort(ids)
  for _, id in ipairs(ids) do
    local waiter = waiter_of(id)
    if waiter then
      leave_queue(waiter)
      grant_one(waiter, worker)
    end
  end
end
