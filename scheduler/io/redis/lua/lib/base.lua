-- What every operation begins with: keys, clock, arguments, records, notices, events.
-- KEYS[1] is the shard's prefix, R from here on. ARGV: the time ('' reads the server's clock), the prefix of the fleet's
-- shard ('' where that may live on another node), the arguments as MessagePack, and whether it is one of several.
local R, F, now, args, left -- `left`: sessions whose part in the fleet's shard the caller must take out
local fleet_about -- what the fleet's shard says of a request, until it is changed
local state -- {R}:state, read once: the highest fence given in vain, when the window of adoption ends, how many wait, and
-- the groups that have workers on each shelf; then how many events are not read yet
local places -- workers' rows of {R}:spot, as far as they were read; see index.lua
local queue_seen -- how many wait, as it stood beside a worker's row
local span_now -- see span
local moved -- worker -> what its count changes by, not written yet; see index.lua
local call, ask, pack, unpack_message -- these exist only while an operation runs
local several -- what the operations of one call share, nil where one came alone; see several.lua
local write_out, begin_several, end_several, note_event, tell_later -- in several
local read_for -- in reading

local begin, run_all

do

local function open(keys, argv)
  ask, pack, unpack_message = redis.call, cmsgpack.pack, cmsgpack.unpack
  call, several = ask, nil
  R, F, now, span_now = keys[1], argv[2], tonumber(argv[1]), argv[1] ~= '' and 0 or nil
  state, places, queue_seen = nil, nil, nil
  if not now then
    local time = ask('TIME')
    now = time[1] + time[2] / 1000000
  end
end

function begin(keys, argv)
  if not argv[4] then open(keys, argv) end -- else one of several, see run_all
  args, left = argv[3] or {}, {}
  if not argv[4] and argv[3] then args = unpack_message(args) end
  fleet_about, moved = nil, nil
end

local function call_of_several(...)
  write_out()
  return ask(...)
end

-- Arguments of each; false where they cannot be read, which is that operation's own failure.
local function arguments(argv)
  local found = {}
  for n = 3, #argv, 2 do
    local is_read, said = pcall(unpack_message, argv[n + 1])
    found[#found + 1] = is_read and said or false
  end
  return found
end

-- Several operations in one step, each as if it had come alone: what one has read the next ones need not read again, and what they
-- write leaves at the end. ARGV from the third on: name and arguments of each. One that fails spoils none of the others.
function run_all(keys, argv)
  open(keys, argv)
  call = call_of_several
  begin_several()
  local answers, asked, one = {}, arguments(argv), {argv[1], argv[2], '', true}
  pcall(read_for, argv, asked)
  for n = 1, #asked do
    one[3] = asked[n]
    local is_done, got = pcall(OPERATIONS[argv[2 * n + 1]], keys, one)
    if not is_done then
      write_out()
      state, places, queue_seen = nil, nil, nil -- they may say what was not written
      if type(got) ~= 'table' then got = {err = tostring(got)} end
    end
    answers[n] = got
  end
  end_several()
  return answers
end

end

-- What a text means, worked out once: for texts that many operations read and few change. Nobody changes what it answers.
-- This outlives an operation, and may: it depends on the text alone.
local function reader_of(read)
  local known, many = {}, 0
  return function(raw)
    local found = known[raw]
    if found then return found end
    if many >= READINGS then known, many = {}, 0 end
    found = read(raw)
    known[raw], many = found, many + 1
    return found
  end
end

-- The third of a minute that it is, which end records are kept by. With a clock of our own, that no expiry heeds, there is but one.
local function span()
  span_now = span_now or math.floor(now * SPANS / END_RECORD_SECONDS)
  return span_now
end

local write_counts -- in index

local DONE = {'done'}
local done -- packed

local function answer(value)
  if moved then write_counts() end
  if value == DONE and #left == 0 then
    done = done or pack({DONE})
    return done
  end
  if #left > 0 then return pack({value, left}) end
  return pack({value})
end

local function worker_of(id)
  local raw = ask('HGET', R .. ':workers', id)
  return raw and unpack_message(raw)
end

local function save_worker(w)
  ask('HSET', R .. ':workers', w.id, pack(w))
end

-- To one gateway; how many heard it: none where it does not watch. What several say leaves when all are done.
local function tell(gateway, ...)
  if several then return tell_later(gateway, {...}) end
  return ask('SPUBLISH', R .. ':g:' .. gateway, pack({...}))
end

local place_of -- in index

-- With the answer to the worker's next heartbeat.
local function leave_order(worker, directive)
  local waiting = R .. ':d:' .. worker
  if ask('LLEN', waiting) >= DIRECTIVES_PER_WORKER then
    ask('DEL', waiting)
    directive = {'register', false, false, 'too many orders waited', false}
  end
  ask('RPUSH', waiting, pack(directive))
end

-- Over the worker's link if that is watched, else with the answer to its next heartbeat.
local function direct(worker, order, session, fence, reason, deadline)
  local link = place_of(worker)[2]
  if not link then return end
  local directive = {order, session or false, fence or false, reason or '', deadline or false}
  if link ~= '' and tell(link, 'direct', worker, directive) > 0 then return end
  leave_order(worker, directive)
end

-- {type, at, session, worker, seq, data, packed end record}; what is said of a session has more, see sessions.lua.
local function append(type, session, worker, seq, data, record)
  note_event(pack({type, now, session, worker, seq, data, record}))
end

local function shard_state()
  state = state or ask('HMGET', R .. ':state', 'fence', 'opens', 'queue', ':b', ':a', ':e', 'more')
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
    ask('HSET', R .. ':state', 'fence', state[1])
  end
end

-- When the window in which live sessions are taken up after a loss of data ends: the first sweep from then on ends it.
-- Nil where there is none.
local function opens_at()
  local opens = tonumber(shard_state()[2] or 0)
  return opens > 0 and opens or nil
end

-- Stands in {R}:spot too, which an end has to read anyway.
local function queue_length()
  return tonumber(not state and queue_seen or shard_state()[3] or 0)
end

local function count_waiting(by)
  shard_state()[3] = ask('HINCRBY', R .. ':state', 'queue', by)
  ask('HSET', R .. ':spot', 'queue', state[3])
end

local function stale(id, s)
  return {'stale', id, s and s.fence or false}
end

local function refused(code, detail, retry_after, why)
  return {'refused', code, detail, retry_after or false, why or false}
end

local function no_other()
  return refused('NO_CAPACITY', 'no other worker has a free slot', FULL_RETRY_SECONDS)
end

local function is_gateway_alive(id)
  local raw = ask('HGET', R .. ':gateways', id)
  return raw and not unpack_message(raw).lapsed
end
