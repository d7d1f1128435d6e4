-- `reject`: a second connection asks, the first one's gateway pings its client, and silence loses.
-- {R}:contests request -> {session, fence, asker}; {R}:cdue request -> deadline.

local function contest(s, q)
  if not is_gateway_alive(s.gateway) then return nil end
  local known = call('HGET', R .. ':contests', q.request)
  if known then return {'contested', q.request, unpack_message(known)[2]} end
  if call('HLEN', R .. ':contests') >= QUEUE_WAITERS then
    return refused('SESSION_SUPERSEDED', 'the session has a connection, and too many are being asked')
  end
  call('HSET', R .. ':contests', q.request, pack({s.id, s.fence, q.gateway}))
  call('ZADD', R .. ':cdue', now + PROBE_SECONDS, q.request)
  tell(s.gateway, 'probe', s.id, s.fence, q.request)
  return {'contested', q.request, s.fence}
end

-- The contest is over; a holder that is dead makes way.
local function settle_contest(request, known, is_alive)
  call('HDEL', R .. ':contests', request)
  call('ZREM', R .. ':cdue', request)
  local s = not is_alive and session_of(known[1])
  if s and s.fence == known[2] and s.state ~= 's' then
    tell(s.gateway, 'close', s.id, s.fence, 'SESSION_SUPERSEDED', false)
    drop_attach(s)
  end
  tell(known[3], 'probed', request, is_alive)
end
