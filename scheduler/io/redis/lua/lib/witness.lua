-- What workers say of sessions, against what the store knows. A worker can lose a session or end it, with the fence it
-- got; it cannot make one. What it should not have it is told to end. `said` is {session, fence, is attached}.

local hear, reconcile, hear_ready

do

local function forget(w, said)
  direct(w.id, 'end_session', said[1], said[2], 'NOT_YOURS')
end

-- The worker has this attach: a lost session found again, or a connection that it saw go.
local function take_witness(s, is_attached)
  if s.state == 's' then s.displaced = nil end
  if s.state == 'h' then
    if is_attached then
      s.detached = nil
    else
      s.detached = s.detached or now
      if not is_gateway_alive(s.gateway) then suspend(s, false, s.detached) end
    end
  end
  if s.state == 'r' then s.parted = nil end -- it may be confirmed again
  save(s)
end

-- A worker does not have what it should. A younger attach may have crossed the list on its way.
local function miss(s)
  if s.state == 's' then
    s.displaced = true
    save(s)
  elseif s.state == 'h' and now - s.since >= SUSPECT_AFTER then
    tell(s.gateway, 'close', s.id, s.fence, 'WORKER_LOST', false)
    suspend(s, true)
    save(s)
  elseif s.state == 'r' and s.parted then
    s.parted = nil
    save(s)
  end
end

function hear(w, listed)
  for _, said in ipairs(listed) do
    local s = session_of(said[1])
    if call('HEXISTS', R .. ':orphans:' .. w.id, said[1]) == 1 then
      s = nil -- its gateway has not spoken yet
    elseif not s or s.worker ~= w.id then
      forget(w, said)
    elseif s.fence == said[2] then
      take_witness(s, said[3])
    end
  end
end

-- A full list against the claims: adopts what agrees, ends what does not belong, suspends what is missing.
function reconcile(w, listed)
  local seen = {}
  for _, said in ipairs(keep_orphans(w, listed)) do
    local s = session_of(said[1])
    if s and s.worker == w.id and said[2] > s.fence and is_adopting() then
      seen[s.id] = true -- of a gateway that has not spoken yet
    elseif not s or s.worker ~= w.id or said[2] > s.fence then
      forget(w, said)
    else
      seen[s.id] = true
      if said[2] == s.fence then take_witness(s, said[3]) end
    end
  end
  for _, id in ipairs(call('SMEMBERS', R .. ':ws:' .. w.id)) do
    if not seen[id] then miss(session_of(id)) end
  end
end

function hear_ready(w, is_ready)
  if w.ready == is_ready then return false end
  w.ready = is_ready
  if is_ready and w.duty == 'starting' then
    w.duty = 'serving'
  elseif not is_ready and w.duty == 'serving' then
    w.duty = 'starting'
  end
  return true
end

end
