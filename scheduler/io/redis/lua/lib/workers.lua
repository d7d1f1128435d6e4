-- Workers' duty and health by the tables of scheduler/workers.py (NEXT_DUTY, NEXT_HEALTH: written in front of this),
-- their leases, and what a change means for the index, the waiters and the sessions.
-- {R}:beats worker -> last beat, of those not lost; {R}:lost the same of those lost.

local function unknown_worker(id)
  return refused('WORKER_NOT_FOUND', 'no worker ' .. id .. '; it may have to register again')
end

local function change_duty(w, change)
  local following = NEXT_DUTY[w.duty .. ' ' .. change]
  if not following then return refused('CONFLICT', 'a worker that is ' .. w.duty .. ' cannot ' .. change) end
  w.duty = following
end

local function change_health(w, change)
  w.health = NEXT_HEALTH[w.health .. ' ' .. change] or w.health
end

local function is_matchable(w)
  return w.duty ~= 'retired' and w.health ~= 'lost'
end

local function should_be_open(w)
  return w.ready and w.duty == 'serving' and w.health == 'alive' and not opens_at()
end

local function about(w)
  return {name = w.name, pool = w.pool, slots = w.slots}
end

local function refuse_one(session)
  local waiter = waiter_of(session)
  if waiter.q.hopes then -- of other regions: whoever hears this asks them
    tell(waiter.q.gateway, 'stranded', waiter.q.request, waiter.q.wanted)
  else
    dismiss(waiter, 'NO_CAPACITY', 'the last matching worker is gone', FULL_RETRY_SECONDS)
  end
end

-- Waiters whom no worker can serve any more hear it at once.
local function refuse_stranded()
  if queue_length() == 0 then return end
  local lanes = call('HGETALL', R .. ':lanes')
  for n = 1, #lanes, 2 do
    if not has_hope(unpack_message(lanes[n + 1])[1]) then
      for _, workspace in ipairs(call('ZRANGE', R .. ':ring:' .. lanes[n], 0, -1)) do
        for _, session in ipairs(call('ZRANGE', R .. ':line:' .. lanes[n] .. ':' .. workspace, 0, -1)) do
          refuse_one(session)
        end
      end
    end
  end
end

local settle

do

-- The index agrees with the worker's duty and health; nobody gets its room yet. Saves it; whether it may have new ones.
local function stand(w)
  if w.draining and w.duty ~= 'draining' then w.draining = nil end
  save_worker(w)
  if not is_matchable(w) then
    remove_spot(w.id)
    refuse_stranded()
    return false
  end
  if not spot_of(w.id) then add_spot(w) end
  if not should_be_open(w) then
    close_spot(w.id)
    return false
  end
  open_spot(w.id)
  return true
end

-- After any change of duty or health: the index agrees, and room goes to those who wait, first to sessions that have
-- their slots here. `meanwhile` is done between the two.
function settle(w, meanwhile)
  local is_open = stand(w)
  if meanwhile then meanwhile() end
  if is_open then
    grant_own(w.id)
    grant(w.id)
  end
end

end

-- Work on many sessions is done a portion at a time, the rest by the sweeps: {R}:work names, {R}:work:<name> sessions.
local function put_off(name, from)
  call('SUNIONSTORE', R .. ':work:' .. name, from)
  call('SADD', R .. ':work', name)
end

local function take_portion(name)
  local ids = call('SPOP', R .. ':work:' .. name, PORTION)
  if #ids < PORTION then call('SREM', R .. ':work', name) end
  return ids
end

-- Suspends a portion of what a worker held and tells the gateways that relayed to it.
local function part(worker)
  local gateways, ids = {}, take_portion('part:' .. worker)
  for _, id in ipairs(ids) do
    local s = session_of(id)
    if s and s.worker == worker and s.state ~= 's' then
      gateways[s.gateway] = true
      if s.state == 'h' then suspend(s, true) end
      if s.state == 'r' then s.parted = true end -- a confirmation that is on its way comes too late
      save(s)
    end
  end
  for gateway in pairs(gateways) do tell(gateway, 'worker_lost', worker) end
end

local function release_sessions(worker)
  put_off('part:' .. worker, R .. ':ws:' .. worker)
  part(worker)
end

-- A portion of the sessions of a gateway whose lease has lapsed: those that their worker saw go, too, are suspended.
local function lapse(gateway)
  for _, id in ipairs(take_portion('lapse:' .. gateway)) do
    local s = session_of(id)
    if s and s.gateway == gateway and s.state == 'h' and s.detached and not is_gateway_alive(gateway) then
      suspend(s, false, s.detached)
      save(s)
    end
  end
end

-- The next portion of whatever was put off; whether there is more.
local function go_on()
  for _, name in ipairs(call('SMEMBERS', R .. ':work')) do
    local kind, id = name:match('^(%a+):(.*)$')
    if kind == 'part' then part(id) else lapse(id) end
  end
  return call('SCARD', R .. ':work') > 0
end

local function lose(w)
  change_health(w, 'lapse')
  local beat = call('ZSCORE', R .. ':beats', w.id)
  call('ZREM', R .. ':beats', w.id)
  call('ZADD', R .. ':lost', beat, w.id)
  append('worker.lost', false, w.id, 0, {pool = w.pool}, false)
  save_worker(w)
  release_sessions(w.id)
end

local function remove_worker(w)
  call('HDEL', R .. ':workers', w.id)
  call('HDEL', R .. ':reach', w.id)
  drop_link(w.id)
  if w.health ~= 'lost' then release_sessions(w.id) end
  call('ZREM', R .. ':beats', w.id)
  call('ZREM', R .. ':lost', w.id)
  call('DEL', R .. ':d:' .. w.id)
  clear_complaints(w.id)
  remove_spot(w.id)
  call('HDEL', R .. ':used', 'came:' .. w.id)
  if write_count(w.id, 0) == 0 then call('HDEL', R .. ':used', w.id) end
  append('worker.removed', false, w.id, 0, {pool = w.pool}, false)
  refuse_stranded()
end

-- A heartbeat came: whether the worker is heard well again. Sessions' complaints stand for a while.
local function recover(w)
  call('ZADD', R .. ':beats', now, w.id)
  if w.health == 'alive' or now < (w.complained or 0) + SUSPICION_SECONDS then return false end
  change_health(w, 'beat')
  return true
end

-- A session could not reach it; so many different ones within a minute make it suspect.
local function complain(w, session)
  local complaints = R .. ':c:' .. w.id
  if call('EXISTS', complaints) == 0 then count(w.id, COMPLAINED) end
  call('ZADD', complaints, now, session)
  call('ZREMRANGEBYSCORE', complaints, '-inf', now - COMPLAINT_SECONDS)
  if call('ZCARD', complaints) < COMPLAINTS or w.health == 'lost' then return end
  clear_complaints(w.id)
  change_health(w, 'doubt')
  w.complained = now
  close_spot(w.id)
  save_worker(w)
end
