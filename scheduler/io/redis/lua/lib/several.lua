-- What the operations of one call share: what many of them read is read once for all, and what they write to the same keys leaves
-- together when the last is done. An operation that came alone reads and writes at once.
-- Nothing may be read from the server that was written here and has not left. So `call` lets everything leave before; `ask` does
-- not, and is for keys that nobody keeps back, or whose value is known here (firsts, fleet, used, ready).
-- Lists are commands as they will be sent, and are kept from call to call: a list that grows anew each time costs more.

local set_session, drop_session, set_member, set_due, drop_due, bury_at, count_in, count_out, shelve, forget_shelf, count_used,
  keep_record, record_kept

do

local saved, dropped, due, undue, buried = {'MSET'}, {'DEL'}, {'ZADD'}, {'ZREM'}, {'ZADD', '', 'GT'}
local held, left_alone, entered, parted = {'SADD'}, {'SREM'}, {'HSET'}, {'HDEL'}
local has_saved, has_dropped, has_due, has_undue, has_buried, has_held, has_left = 1, 1, 2, 2, 3, 2, 2
local has_entered, has_parted = 2, 2
local told, events, records = {}, {'XADD', '', '*'}, {'HSET'}
local has_events, has_records = 3, 2
local is_dirty, shelved, shelf_of, is_shelf_pending

local function fresh()
  several = {ready = {}, fleet = {}, used = {}, counted = {}, graves = {}, plans = {}}
  several.firsts = {[':b'] = {}, [':a'] = {}, [':e'] = {}}
  shelved, shelf_of, is_shelf_pending = {}, {}, {}
end

begin_several = function()
  is_dirty, has_saved, has_dropped, has_due, has_undue, has_buried = false, 1, 1, 2, 2, 3
  has_held, has_left, has_events, has_records, has_entered, has_parted = 2, 2, 3, 2, 2, 2
  told = {}
  fresh()
end

local function write_used()
  local put, has = {'HSET', R .. ':used'}, 2
  for worker in next, several.counted do
    put[has + 1], put[has + 2] = worker, several.used[worker]
    has = has + 2
  end
  if has > 2 then ask(unpack(put, 1, has)) end
end

-- An entry of the log holds what several operations said; {R}:state more -> events beyond one of each entry.
local function write_events()
  events[2] = R .. ':events'
  ask(unpack(events, 1, has_events))
  if has_events > 5 then ask('HINCRBY', R .. ':state', 'more', (has_events - 5) / 2) end
  has_events = 3
end

local function write_records()
  ask(unpack(records, 1, has_records))
  ask('EXPIRE', records[2], 2 * END_RECORD_SECONDS)
  has_records = 2
end

-- One that fails was not done: whoever lets all of it leave again fails like it, and so does the call, with every answer in it.
local function write()
  if has_events > 3 then write_events() end
  if has_records > 2 then write_records() end
  if has_saved > 1 then ask(unpack(saved, 1, has_saved)) end
  if has_dropped > 1 then ask(unpack(dropped, 1, has_dropped)) end
  if has_due > 2 then ask(unpack(due, 1, has_due)) end
  if has_undue > 2 then ask(unpack(undue, 1, has_undue)) end
  if has_held > 2 then ask(unpack(held, 1, has_held)) end
  if has_left > 2 then ask(unpack(left_alone, 1, has_left)) end
  if has_buried > 3 then ask(unpack(buried, 1, has_buried)) end
  has_saved, has_dropped, has_due, has_undue, has_buried, has_held, has_left = 1, 1, 2, 2, 3, 2, 2
  if has_entered > 2 then ask(unpack(entered, 1, has_entered)) end
  if has_parted > 2 then ask(unpack(parted, 1, has_parted)) end
  has_entered, has_parted = 2, 2
  for worker, free in next, shelved do ask('ZADD', shelf_of[worker], free, worker) end
  write_used()
  is_dirty = false
end

-- What is put somewhere leaves before what is taken out: who puts a session where it may have been taken out writes out before.
write_out = function()
  if is_dirty then write() end
  fresh()
end

-- To one gateway, with all else that is said to it; an order that nobody heard waits for the worker's heartbeat.
tell_later = function(gateway, said)
  local all = told[gateway]
  if all then
    all[#all + 1] = said
  else
    told[gateway] = {said}
  end
  return 1
end

local function tell_all()
  for gateway, all in next, told do
    local said = #all == 1 and all[1] or {'several', all}
    if ask('SPUBLISH', R .. ':g:' .. gateway, pack(said)) == 0 then
      for n = 1, #all do
        if all[n][1] == 'direct' then leave_order(all[n][2], all[n][3]) end
      end
    end
  end
end

end_several = function()
  if is_dirty then write() end
  if next(told) ~= nil then tell_all() end
  several = nil
end

-- An event, packed.
note_event = function(said)
  if not several then return ask('XADD', R .. ':events', '*', 'e', said) end
  is_dirty, events[has_events + 1], events[has_events + 2] = true, 'e', said
  has_events = has_events + 2
end

-- How a session ended: {f}:r:<span> session -> packed record. The sweep drops a span when its time is over; one that nobody
-- sweeps lapses.
function keep_record(f, session, record)
  local key = several and has_records > 2 and records[2] or f .. ':r:' .. string.format('%d', span())
  if not several then
    ask('HSET', key, session, record)
    return ask('EXPIRE', key, 2 * END_RECORD_SECONDS)
  end
  is_dirty, records[2], records[has_records + 1], records[has_records + 2] = true, key, session, record
  has_records = has_records + 2
end

-- False where there is none; not for one of several.
function record_kept(f, session)
  for n = 0, span() > 0 and SPANS or 0 do
    local found = ask('HGET', f .. ':r:' .. string.format('%d', span() - n), session)
    if found then return found end
  end
  return false
end

function set_session(key, raw)
  if not several then return ask('SET', key, raw) end
  if several.ready[key] == false and has_dropped > 1 then write_out() end
  is_dirty, several.ready[key] = true, nil
  saved[has_saved + 1], saved[has_saved + 2] = key, raw
  has_saved = has_saved + 2
end

function drop_session(key)
  if not several then return ask('DEL', key) end
  is_dirty, several.ready[key] = true, false
  has_dropped = has_dropped + 1
  dropped[has_dropped] = key
end

-- The sessions that a gateway relays.
function set_member(key, session, is_in)
  if not several then return ask(is_in and 'SADD' or 'SREM', key, session) end
  if is_in then
    if has_left > 2 or has_held > 2 and held[2] ~= key then write_out() end
    is_dirty, has_held = true, has_held + 1
    held[2], held[has_held] = key, session
  else
    if has_left > 2 and left_alone[2] ~= key then write_out() end
    is_dirty, has_left = true, has_left + 1
    left_alone[2], left_alone[has_left] = key, session
  end
end

function set_due(session, at)
  if not several then return ask('ZADD', R .. ':due', at, session) end
  is_dirty, due[2] = true, R .. ':due'
  due[has_due + 1], due[has_due + 2] = at, session
  has_due = has_due + 2
end

function drop_due(session)
  if not several then return ask('ZREM', R .. ':due', session) end
  is_dirty, has_undue = true, has_undue + 1
  undue[2], undue[has_undue] = R .. ':due', session
end

-- Tombstones; their scores only grow.
function bury_at(key, session, till)
  if not several then return ask('ZADD', key, 'GT', till, session) end
  if has_buried > 3 and buried[2] ~= key then write_out() end
  is_dirty, several.graves[session] = true, nil
  buried[2], buried[has_buried + 1], buried[has_buried + 2] = key, till, session
  has_buried = has_buried + 2
end

-- {F}:s, see fleet.lua: a session that comes, and what it counts among from now on.
function count_in(session, entry, names, one, two, three)
  if has_parted > 2 then write_out() end
  local known, put, has, first, second, third = several.fleet, entered, has_entered, names[1], names[2], names[3]
  known[session], known[first], known[second], known[third] = entry, one, two, three
  put[2], put[has + 1], put[has + 2], put[has + 3], put[has + 4] = F .. ':s', session, entry, first, one
  put[has + 5], put[has + 6], put[has + 7], put[has + 8] = second, two, third, three
  is_dirty, has_entered = true, has + 8
end

-- One that goes, and the counts that it was part of.
function count_out(session, names, counts)
  local known, key, has = several.fleet, F .. ':s', has_parted + 1
  entered[2], parted[2], parted[has], known[session] = key, key, session, false
  for n = 1, 3 do
    local name, live = names[n], (counts[n + 1] or 1) - 1
    if live > 0 then
      known[name], entered[has_entered + 1], entered[has_entered + 2] = live, name, live
      has_entered = has_entered + 2
    else
      has = has + 1
      known[name], parted[has] = false, name
    end
  end
  is_dirty, has_parted = true, has
end

-- A worker's number, see index.lua.
function count_used(worker, number)
  is_dirty, several.used[worker], several.counted[worker] = true, number, true
  return number
end

-- Where a worker stands on the shelf that it is on, and stays on: by its free slots, which have changed.
function shelve(group, kind, worker, free)
  local key = R .. ':i:' .. group .. kind
  if not several then return ask('ZADD', key, free, worker) end
  is_dirty, shelved[worker], shelf_of[worker], is_shelf_pending[key] = true, free, key, true
  local first = several.firsts[kind][group]
  if not first then return end
  if first[1] == worker and free < first[2] then
    first[2] = free -- nobody else has so few
  elseif first[1] == worker or free <= first[2] then
    several.firsts[kind][group] = nil
  end
end

-- The shelf is as the server has it, and is about to change, or to be looked at.
function forget_shelf(group, kind, key)
  if not several then return end
  several.firsts[kind][group] = nil
  if not is_shelf_pending[key] then return end
  is_shelf_pending[key] = nil
  for worker, free in next, shelved do
    if shelf_of[worker] == key then
      ask('ZADD', key, free, worker)
      shelved[worker] = nil
    end
  end
end

end
