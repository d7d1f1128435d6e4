-- What every operation begins with: keys, clock, arguments, records, notices, events.
-- KEYS[1] is the shard's prefix, R from here on. ARGV: the time ('' reads the server's clock), the prefix of the fleet's
-- shard ('' where that may live on another node), the arguments as MessagePack.
local R, F, now, args, left -- `left`: sessions whose part in the fleet's shard the caller must take out
local fleet_about -- what the fleet's shard says of a request, until it is changed
local state -- {R}:state, read once: the highest fence given in vain, when the window of adoption ends, how many wait
local call, pack, unpack_message -- these exist only while an operation runs

local function begin(keys, argv)
  call, pack, unpack_message = redis.call, cmsgpack.pack, cmsgpack.unpack
  R, F, now, left = keys[1], argv[2], tonumber(argv[1]), {}
  state, fleet_about = nil, nil
  if not now then
    local time = call('TIME')
    now = time[1] + time[2] / 1000000
  end
  args = argv[3] and unpack_message(argv[3]) or {}
end

local function answer(value)
  if #left > 0 then return pack({value, left}) end
  return pack({value})
end

local function session_of(id)
  local raw = call('GET', R .. ':s:' .. id)
  return raw and unpack_message(raw)
end

local function save(s)
  call('SET', R .. ':s:' .. s.id, pack(s))
end

local function worker_of(id)
  local raw = call('HGET', R .. ':workers', id)
  return raw and unpack_message(raw)
end

local function save_worker(w)
  call('HSET', R .. ':workers', w.id, pack(w))
end

-- To one gateway; how many heard it: none where it does not watch.
local function tell(gateway, ...)
  return call('SPUBLISH', R .. ':g:' .. gateway, pack({...}))
end

-- Over the worker's link if that is watched, else with the answer to its next heartbeat. {R}:links worker -> gateway, or
-- nothing for a worker without a link.
local function direct(worker, order, session, fence, reason, deadline)
  local link = call('HGET', R .. ':links', worker)
  if not link then return end
  local directive = {order, session or false, fence or false, reason or '', deadline or false}
  if link ~= '' and tell(link, 'direct', worker, directive) > 0 then return end
  local waiting = R .. ':d:' .. worker
  if call('LLEN', waiting) >= DIRECTIVES_PER_WORKER then
    call('DEL', waiting)
    directive = {'register', false, false, 'too many orders waited', false}
  end
  call('RPUSH', waiting, pack(directive))
end

local function append(type, session, worker, seq, data, record)
  call('XADD', R .. ':events', '*', 'e', pack({type, now, session, worker, seq, data, record}))
end

local function shard_state()
  state = state or call('HMGET', R .. ':state', 'fence', 'opens', 'queue')
  return state
end

-- Higher than `floor`, which is the session's last one, than every one that left no session, and than the clock.
local function new_fence(floor)
  local fence = math.floor(now * 1000000)
  local vain = tonumber(shard_state()[1] or 0)
  if fence <= vain then fence = vain + 1 end
  if fence <= floor then fence = floor + 1 end
  return fence
end

-- A session leaves no trace: its next fence must be higher all the same.
local function spend_fence(fence)
  if fence > tonumber(shard_state()[1] or 0) then
    state[1] = string.format('%.0f', fence)
    call('HSET', R .. ':state', 'fence', state[1])
  end
end

-- When the window in which live sessions are taken up after a loss of data ends: the first sweep from then on ends it.
-- Nil where there is none.
local function opens_at()
  local opens = tonumber(shard_state()[2] or 0)
  return opens > 0 and opens or nil
end

local function queue_length()
  return tonumber(shard_state()[3] or 0)
end

local function count_waiting(by)
  shard_state()[3] = call('HINCRBY', R .. ':state', 'queue', by)
end

local function stale(id, s)
  return {'stale', id, s and s.fence or false}
end

local function refused(code, detail, retry_after, why)
  return {'refused', code, detail, retry_after or false, why or false}
end

local function is_gateway_alive(id)
  local raw = call('HGET', R .. ':gateways', id)
  return raw and not unpack_message(raw).lapsed
end
