-- After a loss of data: what workers and gateways bring back, and the window in which nothing new is placed over it. See
-- scheduler/io/memory/adopting.py. {R}:born is when this shard was first written, or
-- when another server took it over;
-- {R}:orphans:<worker> session -> fence: slots kept for sessions that a worker listed and no gateway has named yet.

local function is_young()
  return now - tonumber(call('GET', R .. ':born') or now) < ADOPTION_SECONDS
end

-- Whether workers that live may not have had the time to register. Where nothing can be adopted none did before.
local function is_newborn()
  return ADOPTION_SECONDS > 0 and now - tonumber(call('GET', R .. ':born') or now) < WORKER_LOST_AFTER
end

local function is_adopting()
  return opens_at() ~= nil
end

-- Nothing new in this region until it ends. One that is open stays as it is.
local function open_window()
  if ADOPTION_SECONDS <= 0 or shard_state()[2] then return end
  state[2] = now + ADOPTION_SECONDS
  call('HSET', R .. ':state', 'opens', state[2])
  for _, worker in ipairs(call('HKEYS', R .. ':workers')) do close_spot(worker) end
end

-- It is over, or a claim now; its slot is free.
local function drop_orphan(worker, session)
  if call('HDEL', R .. ':orphans:' .. worker, session) == 1 then give(worker) end
end

local function drop_orphans(worker)
  for _, session in ipairs(call('HKEYS', R .. ':orphans:' .. worker)) do drop_orphan(worker, session) end
end

local function orphans_of(worker)
  return call('HLEN', R .. ':orphans:' .. worker)
end

local over = {} -- sessions of which the caller heard so from the fleet's shard

local function is_buried(session)
  if over[session] then return true end
  local departed = F == '' and call('HGET', R .. ':left', session)
  if departed and unpack_message(departed)[5] then return true end
  return F ~= '' and call('ZSCORE', F .. ':dead', session) and true or false
end

-- Those of a full list that may be adopted, as far as there are slots; answers the others.
local function keep_orphans(w, listed)
  drop_orphans(w.id)
  if not is_adopting() then return listed end
  local others = {}
  for _, is_attached in ipairs({true, false}) do
    for _, said in ipairs(listed) do
      if said[3] == is_attached then
        if session_of(said[1]) or is_buried(said[1]) or used_of(w.id) >= w.slots then
          others[#others + 1] = said
        elseif call('HSETNX', R .. ':orphans:' .. w.id, said[1], said[2]) == 1 then
          take(w.id)
        end
      end
    end
  end
  return others
end

-- Orphans that nobody adopted are told to end; there is room again.
local function end_window()
  local opens = opens_at()
  if not opens or opens > now then return end
  state[2] = false
  call('HDEL', R .. ':state', 'opens')
  for _, id in ipairs(call('HKEYS', R .. ':workers')) do
    local w, orphans = worker_of(id), call('HGETALL', R .. ':orphans:' .. id)
    for n = 1, #orphans, 2 do
      direct(w.id, 'end_session', orphans[n], tonumber(orphans[n + 1]), 'NOT_ADOPTED')
    end
    drop_orphans(id)
    settle(w)
  end
end
