-- The admission queue of a region; scheduler/queue.py says whose turn it is and why.
-- {R}:q session -> waiter; {R}:qr request -> session; {R}:lanes lane -> {wanted, weight, at}; {R}:ring:<lane> workspaces
-- by stamp; {R}:line:<lane>:<workspace> sessions by arrival; {R}:turn, {R}:turns workspace -> stamp, how many wait;
-- {R}:qagain session -> when workers that did not answer it may be tried again.
-- {R}:also lane -> how many of it wait in another region too, which counts them.

local waiter_of, join_queue, leave_queue, take_over, serve, queued, position, eta, save_waiter

do

function waiter_of(session)
  local raw = call('HGET', R .. ':q', session)
  return raw and unpack_message(raw)
end

local function next_stamp()
  return call('INCR', R .. ':stamp')
end

local function line_of(waiter)
  return R .. ':line:' .. waiter.q.wanted[1] .. ':' .. waiter.q.workspace
end

function save_waiter(waiter)
  waiter.q.who, waiter.q.about, waiter.q.names, waiter.q.entry = nil, nil, nil, nil -- it may change before it has a slot
  call('HSET', R .. ':q', waiter.q.session, pack(waiter))
  call('HSET', R .. ':qr', waiter.q.request, waiter.q.session)
  call('ZADD', R .. ':qdue', math.min(waiter.deadline, waiter.q.expires), waiter.q.session)
end

-- `again`: it waits because workers did not answer; when those still heard may be tried again.
function join_queue(q, again)
  local workspace = q.workspace
  if queue_length() >= QUEUE_WAITERS then return nil end
  if tonumber(call('HGET', R .. ':turns', workspace) or 0) >= QUEUE_WAITERS_PER_WORKSPACE then return nil end
  if call('HINCRBY', R .. ':turns', workspace, 1) == 1 then call('HSET', R .. ':turn', workspace, next_stamp()) end
  local lane, waiter = q.wanted[1], {q = q, since = now, deadline = now + q.wait, again = again}
  if call('HEXISTS', R .. ':lanes', lane) == 0 then call('HSET', R .. ':lanes', lane, pack({q.wanted, 0, 0})) end
  waiter.order = next_stamp()
  count_waiting(1)
  if call('EXISTS', line_of(waiter)) == 0 then
    call('ZADD', R .. ':ring:' .. lane, call('HGET', R .. ':turn', workspace), workspace)
  end
  call('ZADD', line_of(waiter), waiter.order, q.session)
  save_waiter(waiter)
  call('SADD', R .. ':gq:' .. q.gateway, q.session)
  if q.also then call('HINCRBY', R .. ':also', lane, 1) end
  if again then call('ZADD', R .. ':qagain', again, q.session) end
  return waiter
end

function leave_queue(waiter)
  local q = waiter.q
  local lane, workspace = q.wanted[1], q.workspace
  call('HDEL', R .. ':q', q.session)
  count_waiting(-1)
  call('HDEL', R .. ':qr', q.request)
  call('ZREM', R .. ':qdue', q.session)
  if waiter.again then call('ZREM', R .. ':qagain', q.session) end
  call('SREM', R .. ':gq:' .. q.gateway, q.session)
  call('ZREM', line_of(waiter), q.session)
  if q.also and call('HINCRBY', R .. ':also', lane, -1) == 0 then call('HDEL', R .. ':also', lane) end
  if call('EXISTS', line_of(waiter)) == 0 then
    call('ZREM', R .. ':ring:' .. lane, workspace)
    if call('EXISTS', R .. ':ring:' .. lane) == 0 then call('HDEL', R .. ':lanes', lane) end
  end
  if call('HINCRBY', R .. ':turns', workspace, -1) <= 0 then
    call('HDEL', R .. ':turns', workspace)
    call('HDEL', R .. ':turn', workspace)
  end
end

function take_over(waiter, q)
  call('HDEL', R .. ':qr', waiter.q.request)
  if waiter.q.gateway ~= q.gateway then
    call('SREM', R .. ':gq:' .. waiter.q.gateway, q.session)
    call('SADD', R .. ':gq:' .. q.gateway, q.session)
  end
  waiter.q, waiter.deadline = q, now + q.wait
  save_waiter(waiter)
end

-- The workspace whose turn it is in a lane, its stamp, and its first session. Stale stamps are put right on the way.
local function head_of(lane)
  local ring = R .. ':ring:' .. lane
  while true do
    local first = call('ZRANGE', ring, 0, 0, 'WITHSCORES')
    local workspace, stamp = first[1], tonumber(first[2])
    local current = tonumber(call('HGET', R .. ':turn', workspace))
    if current == stamp then
      local one = call('ZRANGE', R .. ':line:' .. lane .. ':' .. workspace, 0, 0, 'WITHSCORES')
      return stamp, tonumber(one[2]), one[1]
    end
    call('ZADD', ring, current, workspace)
  end
end

local function faded(weight, at)
  return math.max(0, weight * (1 - (now - at) / PACE_SECONDS))
end

-- Takes out the waiter whose turn it is for a free slot of a worker of this pool and these labels.
function serve(pool, labels)
  local lanes, best, best_stamp, best_order = call('HGETALL', R .. ':lanes'), nil, nil, nil
  for n = 1, #lanes, 2 do
    if meets(unpack_message(lanes[n + 1])[1], pool, labels) then
      local stamp, order, session = head_of(lanes[n])
      if not best or stamp < best_stamp or (stamp == best_stamp and order < best_order) then
        best, best_stamp, best_order = session, stamp, order
      end
    end
  end
  if not best then return nil end
  local waiter = waiter_of(best)
  local lane = unpack_message(call('HGET', R .. ':lanes', waiter.q.wanted[1]))
  call('HSET', R .. ':turn', waiter.q.workspace, next_stamp())
  leave_queue(waiter)
  if call('HEXISTS', R .. ':lanes', waiter.q.wanted[1]) == 1 then
    call('HSET', R .. ':lanes', waiter.q.wanted[1], pack({lane[1], faded(lane[2], lane[3]) + 1, now}))
  end
  return waiter
end

function position(waiter)
  local lane, workspace = waiter.q.wanted[1], waiter.q.workspace
  local depth = call('ZRANK', line_of(waiter), waiter.q.session)
  local own, ahead = tonumber(call('HGET', R .. ':turn', workspace)), depth
  for _, other in ipairs(call('ZRANGE', R .. ':ring:' .. lane, 0, -1)) do
    if other ~= workspace then
      local stamp = tonumber(call('HGET', R .. ':turn', other))
      local many = call('ZCARD', R .. ':line:' .. lane .. ':' .. other)
      ahead = ahead + math.min(many, depth + (stamp < own and 1 or 0))
    end
  end
  return ahead + 1
end

function eta(waiter, place)
  local lane = unpack_message(call('HGET', R .. ':lanes', waiter.q.wanted[1]))
  local rate = faded(lane[2], lane[3]) / PACE_SECONDS
  if rate > 0 then return place / rate end
  local best = false
  for _, pool in ipairs(coming(waiter.q.wanted)) do
    if pool[2] and (not best or pool[2] < best) then best = pool[2] end
  end
  return best
end

function queued(waiter)
  local place = position(waiter)
  return {'queued', waiter.q.request, place, eta(waiter, place), waiter.deadline}
end

end
