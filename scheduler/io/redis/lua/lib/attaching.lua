-- One attach, from its request to its slot: the first placement, the way back to the slot, the queue.
local q -- the request
local claim, is_displaced

do

-- It left and comes back in one step: the fleet's shard need not hear of it.
local function stay_entered()
  if F ~= '' or #left == 0 then return end
  ask('HDEL', R .. ':left', q.session)
  for n = #left, 1, -1 do
    if left[n][1] == q.session then table.remove(left, n) end
  end
end

-- `again` is when workers that did not answer may be tried again.
local function wait(again)
  local opens = opens_at()
  if opens then
    return refused('STORE_UNAVAILABLE',
      'the store lost its data: nothing new is placed until gateways have named what they relay',
      math.max(opens - now, 0.1), 'adopting')
  end
  if not q.hopes and not has_hope(q.wanted) then
    return refused('NO_CAPACITY', 'no worker of these regions, pools and labels is known', FULL_RETRY_SECONDS,
      is_newborn() and 'newborn' or 'unmatched')
  end
  if q.wait <= 0 then
    local grows = #coming(q.wanted) > 0 and 'grows'
    return refused('NO_CAPACITY', 'every matching slot is taken', FULL_RETRY_SECONDS, grows)
  end
  local waiter = join_queue(q, again)
  if not waiter then
    return refused('NO_CAPACITY', queue_length() .. ' wait already; the queue is full', FULL_RETRY_SECONDS)
  end
  return queued(waiter)
end

local function place_first()
  if F ~= '' and not q.also then
    local broken = broken_limit(F, q)
    if broken then return refused('SESSION_LIMIT_EXCEEDED', broken) end
  end
  local worker = choose(q.wanted, {})
  if worker then
    local s, reach = place(q, worker)
    local raw = save(s)
    stay_entered()
    if F ~= '' then fleet_enter(F, q, q.region) end
    return {'claimed', reach, raw}
  end
  local got = wait()
  if got[1] == 'queued' then stay_entered() end
  if F ~= '' and not q.also then
    if got[1] == 'queued' then fleet_enter(F, q, q.region) end
  elseif F == '' and got[1] ~= 'queued' then
    depart(q.session, q)
  end
  return got
end

local function superseded()
  return refused('SESSION_SUPERSEDED', 'a later connection took this session over')
end

local function wait_again(waiter)
  local old = waiter.q
  if old.request == q.request then return queued(waiter) end
  local is_same = old.workspace == q.workspace and old.user == q.user and old.key == q.key
  if is_same and q.wait > 0 and old.wanted[1] == q.wanted[1] then
    tell(old.gateway, 'queue_refused', old.request, superseded())
    q.hopes = q.hopes or old.hopes
    take_over(waiter, q)
    return queued(waiter)
  end
  dismiss(waiter, 'SESSION_SUPERSEDED', 'a later connection took this session over')
  q.entered = nil
  return claim()
end

-- Whether it must go elsewhere, and whether nothing but a drain stands between it and its slot.
function is_displaced(s)
  if q.unreached == s.fence then return true, false end
  local w = not s.displaced and worker_of(s.worker)
  if not w or w.health == 'lost' then return true, false end
  local is_drained = w.draining and now >= w.draining.deadline or false
  return is_drained, is_drained
end

-- To another worker. Where other regions are allowed the caller asks them, those `before` this one and those `after` it,
-- and then again here. To its own only if no other has room, and that serves (it may merely have cut one connection) or
-- drains: a session does not end because there is nowhere to go.
local function return_elsewhere(s, is_home_kept)
  if not drop_attach(s) then return q.elsewhere and {'unplaced'} or place_first() end
  if q.elsewhere == 'before' then return {'elsewhere'} end
  local other
  if q.unreached then other = choose_untried(s, q.wanted) else other = choose(q.wanted, {s.worker}) end
  if other then
    rehome(s, other)
  elseif q.elsewhere then
    return {'elsewhere'}
  elseif q.unreached then
    save(s)
    return wait(now + SUSPECT_AFTER)
  else
    local _, _, open = spot_of(s.worker)
    if not open and not is_home_kept then return wait() end
  end
  reserve(s, q)
  save(s)
  return claimed(s)
end

-- The attach there is goes on: no worker that it tried has answered.
local function seek_on(s)
  local waiter = queue_length() > 0 and waiter_of(s.id)
  if waiter and waiter.q.request == q.request then return queued(waiter) end
  if waiter or s.fence ~= q.unreached or s.state == 'h' then return superseded() end
  if not s.started then return no_other() end
  return return_elsewhere(s, false)
end

local function attach_again(s)
  if q.unreached then return seek_on(s) end
  if s.state ~= 's' then
    if q.rejects then
      local contested = contest(s, q)
      if contested then return contested end
    end
    tell(s.gateway, 'close', s.id, s.fence, 'SESSION_SUPERSEDED', false)
    forget_grant(s)
  else
    local waiter = queue_length() > 0 and waiter_of(s.id)
    if waiter then return wait_again(waiter) end
  end
  local must_go, is_home_kept = is_displaced(s)
  if must_go then return return_elsewhere(s, is_home_kept) end
  reserve(s, q)
  save(s)
  return claimed(s)
end

local function refusal(s)
  local gone = F == '' and ask('HGET', R .. ':left', q.session)
  if gone and unpack_message(gone)[5] then return refused('SESSION_ENDED', 'the session is over; create another one') end
  if F ~= '' then
    local no, region = fleet_admits(F, q)
    if no then return no end
    if region and region ~= q.region and not s and not q.also then return {'at', region} end
    q.known = region == q.region
  end
  local log = shard_state()
  log[8] = log[8] or ask('XLEN', R .. ':events') + (log[7] or 0) -- several may overstep the bound by their number
  if log[8] >= EVENTS then
    return refused('STORE_UNAVAILABLE', 'events wait to be read; nothing new until then', 1)
  end
  if q.expires <= now and not s then return refused('SESSION_EXPIRED', "the session's time to live is over") end
end

claim = function()
  -- Where the fleet's shard is here, what it does not know no region has.
  local s = (F == '' or about_of(F, q)[1]) and session_of(q.session) or nil
  if s and s.request == q.request and s.state ~= 's' then return claimed(s) end
  if s and s.old_request == q.request then return superseded() end
  local no = refusal(s)
  if no then
    if q.entered and no[1] == 'refused' and not s and not waiter_of(q.session) then depart(q.session, q) end
    return no
  end
  if s then
    local got = attach_again(s)
    if got[1] == 'queued' then got[6] = true end -- it has a place in this region, whatever it waits for
    return got
  end
  local waiter = queue_length() > 0 and waiter_of(q.session)
  if waiter then return wait_again(waiter) end
  local parcel = q.known and parcel_of(q.session)
  if parcel then return {'away', parcel} end
  if q.elsewhere then
    if F == '' then depart(q.session, q) end
    return {'unplaced'}
  end
  return place_first()
end

end
