--! flags allow-oom
-- Lets time pass in a region. Whoever comes within SWEEP_GAP of another sweep has nothing to do.
-- args: {goes on: the rest of this sweep}. Answers whether there is more, what the fleet's shard has not heard of, and
-- the parcels that have not arrived.
begin(KEYS, ARGV)
local swept = tonumber(call('GET', R .. ':swept') or 0)
if not args[1] then
  if now - swept < SWEEP_GAP then return answer({false, {}, {}}) end
  call('SET', R .. ':swept', now)
end

-- Time in which nobody swept (a stopped machine, a store that was away) counts as nobody's silence.
local function forgive_sleep()
  local slept = now - swept
  if args[1] or swept == 0 or slept <= SUSPECT_AFTER then return end
  local beats = call('ZRANGE', R .. ':beats', 0, -1, 'WITHSCORES')
  for n = 1, #beats, 2 do call('ZADD', R .. ':beats', math.min(now, beats[n + 1] + slept), beats[n]) end
  local gateways = call('HGETALL', R .. ':gateways')
  for n = 1, #gateways, 2 do
    local gateway = unpack_message(gateways[n + 1])
    gateway.renewed = math.min(now, gateway.renewed + slept)
    call('HSET', R .. ':gateways', gateways[n], pack(gateway))
  end
end

local function doubt_silent()
  local silent = call('ZRANGEBYSCORE', R .. ':beats', '-inf', now - SUSPECT_AFTER)
  for _, id in ipairs(silent) do
    local w = worker_of(id)
    if w.health == 'alive' then
      change_health(w, 'doubt')
      save_worker(w)
      close_spot(id)
    end
  end
  local many = call('ZCARD', R .. ':beats')
  local is_mass = many >= MASS_LAPSE_WORKERS and #silent * 2 > many
  local patience = is_mass and 2 * WORKER_LOST_AFTER or WORKER_LOST_AFTER
  for _, id in ipairs(call('ZRANGEBYSCORE', R .. ':beats', '-inf', now - patience)) do
    local w = worker_of(id)
    lose(w)
    settle(w)
  end
  for _, id in ipairs(call('ZRANGEBYSCORE', R .. ':lost', '-inf', now - FORGET_WORKER_SECONDS)) do
    drop_orphans(id)
    remove_worker(worker_of(id))
  end
end

local function lapse_gateways()
  local gateways = call('HGETALL', R .. ':gateways')
  for n = 1, #gateways, 2 do
    local id, gateway = gateways[n], unpack_message(gateways[n + 1])
    local silence = now - gateway.renewed
    if silence >= FORGET_GATEWAY_SECONDS then
      call('HDEL', R .. ':gateways', id)
    elseif silence >= GATEWAY_LOST_AFTER and not gateway.lapsed then
      gateway.lapsed = true
      call('HSET', R .. ':gateways', id, pack(gateway))
      for _, session in ipairs(call('SMEMBERS', R .. ':gq:' .. id)) do leave_line(waiter_of(session)) end
      put_off('lapse:' .. id, R .. ':gs:' .. id)
    end
  end
end

local function give_up_probing()
  for _, request in ipairs(call('ZRANGEBYSCORE', R .. ':cdue', '-inf', now)) do
    settle_contest(request, unpack_message(call('HGET', R .. ':contests', request)), false)
  end
end

-- Its gateway has the first word, with all that it metered; a second later it ends without.
local function expire(s)
  local wish = {s.id, 'EXPIRED', 'SESSION_EXPIRED', 'TIME_TO_LIVE', 'scheduler', false, false, false}
  if s.state == 'h' and s.expires + LAST_WORD_SECONDS > now then
    wish[6] = s.fence
    if tell(s.gateway, 'end', wish) > 0 then
      call('ZADD', R .. ':due', s.expires + LAST_WORD_SECONDS, s.id)
      return
    end
    wish[6] = false
  end
  finish(s, wish)
end

local function not_returned(s)
  if s.lost then return {s.id, 'FAILED', 'WORKER_LOST', 'WORKER_LOST', 'scheduler', false, false, false} end
  return {s.id, 'COMPLETED', false, 'CLIENT_GONE', 'scheduler', false, false, false}
end

local function let_pass(s)
  if s.expires <= now then return expire(s) end
  if s.state == 'r' then return give_up(s) end
  if s.state ~= 's' then return watch(s) end
  local waiter = waiter_of(s.id)
  if not waiter then return finish(s, not_returned(s)) end
  s.due = waiter.deadline -- its client is here, in the queue
  watch(s)
  save(s)
end

local function let_sessions_pass()
  local due = call('ZRANGEBYSCORE', R .. ':due', '-inf', now, 'LIMIT', 0, PORTION)
  for _, id in ipairs(due) do
    local s = session_of(id)
    if s then let_pass(s) else call('ZREM', R .. ':due', id) end
  end
  return #due >= PORTION
end

local function let_waiters_pass()
  for _, id in ipairs(call('ZRANGEBYSCORE', R .. ':qdue', '-inf', now)) do
    local waiter = waiter_of(id)
    if waiter.q.expires <= now then
      dismiss(waiter, 'SESSION_EXPIRED', "the session's time to live is over")
    else
      local waited = 'waited ' .. waiter.q.wait .. ' s for a slot'
      dismiss(waiter, 'ADMISSION_TIMEOUT', waited, FULL_RETRY_SECONDS)
    end
  end
end

-- No worker answered these a while ago: those still heard may now, another one with room or their own.
local function offer_again()
  for _, id in ipairs(call('ZRANGEBYSCORE', R .. ':qagain', '-inf', now)) do
    call('ZREM', R .. ':qagain', id)
    local waiter, s = waiter_of(id), session_of(id)
    if waiter and s then
      local w = worker_of(s.worker)
      local worker = choose(waiter.q.wanted, {s.worker}) or (w and w.health == 'alive' and s.worker)
      if worker then
        leave_queue(waiter)
        grant_one(waiter, worker)
      end
    end
  end
end

local function let_hopes_pass()
  local all, has_lapsed = call('HGETALL', R .. ':coming'), false
  for n = 1, #all, 2 do
    if unpack_message(all[n + 1])[1] <= now then
      call('HDEL', R .. ':coming', all[n])
      has_lapsed = true
    end
  end
  if has_lapsed then refuse_stranded() end
end

forgive_sleep()
doubt_silent()
lapse_gateways()
end_window()
give_up_probing()
local has_more_work, has_more_due = go_on(), let_sessions_pass()
let_waiters_pass()
offer_again()
let_guests_pass()
let_hopes_pass()
local unheard, all = {}, call('HGETALL', R .. ':left')
for n = 2, math.min(#all, 2 * PORTION), 2 do unheard[#unheard + 1] = unpack_message(all[n]) end
return answer({has_more_work or has_more_due, unheard, call('HVALS', R .. ':away')})
