-- Some of the sessions that a gateway relays; what the store had given up is held again if nobody took it since.
-- args: {gateway, {{session, fence, workspace, user, key, worker, expires, resume, usage}...}, region, is evidence of a loss of data}
begin(KEYS, ARGV)
local gateway, waiting, gone = args[1], 0, {}
local opens = tonumber(call('GET', R .. ':opens') or 0)
if args[4] and opens == 0 and ADOPTION_SECONDS > 0 then -- the store did not know this gateway: it lost its data
  opens = now + ADOPTION_SECONDS
  call('SET', R .. ':opens', opens)
end

local function is_buried(id)
  local departed = call('HGET', R .. ':left', id)
  return (departed and unpack_message(departed)[5]) or (F ~= '' and call('ZSCORE', F .. ':dead', id))
end

-- A store that lost its data learns a session anew, on the slot that its worker listed or on a free one.
local function learn(one)
  local w = worker_of(one[6])
  if not w then return 'waiting' end
  if w.health == 'lost' then return 'stale' end
  local q = {
    session = one[1], workspace = one[3], user = one[4], key = one[5], expires = one[7], resume = one[8],
    gateway = gateway, request = 'adopted.' .. one[1], floor = one[2], wanted = {'', {}, {}, false},
  }
  if call('HDEL', R .. ':orphans:' .. w.id, one[1]) == 0 then
    if used_of(w.id) >= w.slots then return 'stale' end
    take(w.id)
  end
  local s = session_from(q, w.id)
  s.pool, s.fence, s.state, s.attach_usage, s.gateway = w.pool, one[2], 's', one[9] or nil, gateway
  s.started, s.lacks = now, true -- what it was before is not known
  count_state(s, 's', 1)
  call('SADD', R .. ':ws:' .. w.id, s.id)
  local last = tonumber(call('GET', R .. ':fence') or 0)
  if one[2] > last then call('SET', R .. ':fence', string.format('%.0f', one[2])) end
  if F ~= '' then fleet_enter(F, q, args[3]) end
  hold(s)
  save(s)
end

local function take_up(s)
  if s.state == 'h' and s.gateway == gateway then return true end
  if call('ZSCORE', R .. ':beats', s.worker) == false or waiter_of(s.id) then return false end
  if s.state ~= 's' and s.gateway ~= gateway then
    call('SREM', R .. ':gs:' .. s.gateway, s.id)
    call('SADD', R .. ':gs:' .. gateway, s.id)
  end
  s.gateway = gateway
  if s.state ~= 'h' then hold(s) end
  save(s)
  return true
end

for _, one in ipairs(args[2]) do
  local s = session_of(one[1])
  if s then
    if s.fence ~= one[2] or not take_up(s) then gone[#gone + 1] = {one[1], s.fence} end
  elseif opens <= now or one[7] <= now or is_buried(one[1]) then
    gone[#gone + 1] = {one[1], false}
  else
    local fate = learn(one)
    if fate == 'waiting' then waiting = waiting + 1 end
    if fate == 'stale' then gone[#gone + 1] = {one[1], one[2]} end
  end
end
return answer({gone, waiting})
