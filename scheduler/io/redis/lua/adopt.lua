-- Some of the sessions that a gateway relays. What the store had given up is held again if nobody took it since; what it
-- lost with its data is learned anew.
-- args: {gateway, {{session, fence, workspace, user, key, worker, expires, resume, usage}...}, region, sessions that are
-- over, or in another region, as the fleet's shard knows where that is on another node}
begin(KEYS, ARGV)
local gateway, waiting, gone, held = args[1], 0, {}, {}
over = {}
for _, session in ipairs(args[4]) do over[session] = true end

local function is_elsewhere(session)
  local raw = F ~= '' and call('HGET', F .. ':s', session)
  return raw and unpack_message(raw)[1] ~= args[3]
end

local function is_over(one) -- here
  return one[7] <= now or is_buried(one[1]) or is_elsewhere(one[1])
    or (F ~= '' and call('HEXISTS', F .. ':revoked', 'session ' .. one[1]) == 1) or false
end

local function take_on(s, one)
  s.fence, s.attach_usage, s.gateway = one[2], one[9] or nil, gateway
  call('SADD', R .. ':gs:' .. gateway, s.id)
  s.adopted = 1
  hold(s)
  s.adopted = nil
  save(s)
end

local function claim_anew(w, one)
  local q = {
    session = one[1], workspace = one[3], user = one[4], key = one[5], expires = one[7], resume = one[8],
    gateway = gateway, request = 'adopted.' .. one[1] .. '.' .. one[2], wanted = {'', pack({{}, {}}), false}, region = args[3],
  }
  take(w.id)
  local s = new_session(q, w.id)
  s.pool, s.state, s.is_adopted = w.pool, 'r', true
  s.started = now -- when it really began only its row knows
  call('SADD', R .. ':ws:' .. w.id, s.id)
  if F ~= '' then fleet_enter(F, q, args[3]) end
  take_on(s, one)
end

-- An older attach was adopted first, of a gateway that had lost its client without knowing.
local function take_from_older(s, w, one)
  if s.worker ~= w.id and used_of(w.id) >= w.slots then return {one[1], one[2]} end
  if s.state ~= 's' then
    tell(s.gateway, 'close', s.id, s.fence, 'SESSION_SUPERSEDED', false)
    call('SREM', R .. ':gs:' .. s.gateway, s.id)
  end
  leave_state(s, now)
  s.state = 'r'
  if s.worker ~= w.id then rehome(s, w.id) end
  keep_usage(s)
  take_on(s, one)
end

-- Nothing where it is held now, 'waiting' while its worker is not back, else what is stale.
local function bring_back(s, one)
  if is_over(one) then return {one[1], false} end
  if not is_adopting() then return {one[1], s and s.fence or false} end
  local w = worker_of(one[6])
  if not w or w.health == 'lost' then return 'waiting' end
  local newest = tonumber(call('HGET', R .. ':orphans:' .. w.id, one[1]) or 0)
  if newest > one[2] then return {one[1], newest} end
  drop_orphan(w.id, one[1])
  if s then return take_from_older(s, w, one) end
  if used_of(w.id) >= w.slots then return {one[1], one[2]} end -- not over: there is no room for it here
  claim_anew(w, one)
end

local function take_up(s)
  if not call('ZSCORE', R .. ':beats', s.worker) or waiter_of(s.id) then return false end
  if s.state == 'h' and s.gateway == gateway then return true end
  if s.state ~= 's' then call('SREM', R .. ':gs:' .. s.gateway, s.id) end
  call('SADD', R .. ':gs:' .. gateway, s.id)
  s.gateway = gateway
  if s.state ~= 'h' then hold(s) end
  save(s)
  return true
end

local function adopt_one(one)
  local s = session_of(one[1])
  if not s or s.fence < one[2] then return bring_back(s, one) end
  if s.fence > one[2] or not take_up(s) then return {one[1], s.fence} end
end

-- A gateway that the store does not know relays what it does not know: only a loss of data explains that.
local function look_for_evidence()
  local raw = call('HGET', R .. ':gateways', gateway)
  local about = raw and unpack_message(raw) or {renewed = now, node = ''}
  if about.known ~= call('GET', R .. ':born') and is_young() then
    for _, one in ipairs(args[2]) do
      if not session_of(one[1]) and not is_over(one) then
        open_window()
        break
      end
    end
  end
end

look_for_evidence()
call('SETNX', R .. ':born', now)
for _, one in ipairs(args[2]) do
  local fate = adopt_one(one)
  if fate == 'waiting' then
    waiting = waiting + 1
  elseif fate then
    gone[#gone + 1] = fate
  else
    held[#held + 1] = one[1]
  end
end
return answer({gone, waiting, held})
