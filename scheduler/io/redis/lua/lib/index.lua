-- Free slots, found in a time that does not grow with the fleet. {R}:spot worker -> "slots soft open group pool\naddress\nkey",
-- link:<worker> -> gateway, or nothing for a worker without a link, and queue -> how many wait.
-- {R}:i:<group> with :b (in use, below the soft cap), :a (above it), :e (empty) hold open workers by free slots: the shelves.
-- {R}:state names for each of the three the groups that have any there, as "g1.g12.": a shelf that is empty is not asked.
-- {R}:used worker -> one number: slots in use, sessions held, sessions suspended, and whether sessions complained of it;
-- came:<worker> -> how many sessions were given a slot there since it registered.

local HELD, SUSPENDED, COMPLAINED = 2 ^ 17, 2 ^ 34, 2 ^ 51 -- a worker has at most 100,000 slots
local set_link, drop_link, spot_of, used_of, count, write_count, clear_complaints, take, give_slot, give, close_spot, open_spot,
  add_spot, remove_spot, meets, groups_for, coming, has_hope, choose

do -- a chunk of Lua has at most 200 locals: what nobody else needs ends here

local find = ('').find
local SHELF = {[':b'] = 4, [':a'] = 5, [':e'] = 6} -- in `state`

-- {row, link}, either of them false where there is none.
place_of = function(worker)
  places = places or {}
  local found = places[worker]
  if not found then
    found = ask('HMGET', R .. ':spot', worker, 'link:' .. worker, 'queue')
    places[worker], queue_seen = found, found[3] or 0
  end
  return found
end

function set_link(worker, gateway)
  if places then places[worker] = nil end
  call('HSET', R .. ':spot', 'link:' .. worker, gateway)
end

function drop_link(worker)
  if places then places[worker] = nil end
  call('HDEL', R .. ':spot', 'link:' .. worker)
end

local read_spot = reader_of(function(raw)
  local slots, soft, open, group, pool, reach = raw:match('^(%d+) (%S+) (%d) (%S+) (.-)\n(.*)$')
  return {tonumber(slots), tonumber(soft), open == '1', group, pool, reach}
end)

function spot_of(worker)
  local raw = place_of(worker)[1]
  if not raw then return nil end
  local spot = read_spot(raw)
  return spot[1], spot[2], spot[3], spot[4], spot[5], spot[6]
end

local function set_spot(worker, slots, soft, open, group, pool, reach)
  if places then places[worker] = nil end
  call('HSET', R .. ':spot', worker, table.concat({slots, soft, open, group, pool}, ' ') .. '\n' .. reach)
end

local function shelf(used, soft)
  return used == 0 and ':e' or used < soft and ':b' or ':a'
end

local function has_any(group, kind)
  local stocked = shard_state()[SHELF[kind]]
  return stocked and stocked:find(group, 1, true)
end

local function put_on(group, kind, worker, free)
  local key = R .. ':i:' .. group .. kind
  forget_shelf(group, kind, key)
  if ask('ZADD', key, free, worker) == 0 or has_any(group, kind) then return end
  state[SHELF[kind]] = (state[SHELF[kind]] or '') .. group
  ask('HSET', R .. ':state', kind, state[SHELF[kind]])
end

local function take_off(group, kind, worker)
  local key = R .. ':i:' .. group .. kind
  forget_shelf(group, kind, key)
  ask('ZREM', key, worker)
  if ask('EXISTS', key) == 1 or not has_any(group, kind) then return end
  local stocked, from = state[SHELF[kind]], has_any(group, kind)
  state[SHELF[kind]] = stocked:sub(1, from - 1) .. stocked:sub(from + #group)
  ask('HSET', R .. ':state', kind, state[SHELF[kind]])
end

local function number_of(worker)
  local known = several and several.used[worker]
  return tonumber(known or known == nil and ask('HGET', R .. ':used', worker) or 0)
end

function used_of(worker)
  return number_of(worker) % HELD
end

-- Not written before the slots in use change, or the operation ends: mostly both are one write.
function count(worker, by)
  if several then return count_used(worker, number_of(worker) + by) end
  moved = moved or {}
  moved[worker] = (moved[worker] or 0) + by
end

-- Writes what has changed, and `by`; answers the worker's number.
function write_count(worker, by)
  if several then return by == 0 and number_of(worker) or count_used(worker, number_of(worker) + by) end
  if moved and moved[worker] then
    by = by + moved[worker]
    moved[worker] = nil
  end
  return ask('HINCRBY', R .. ':used', worker, by)
end

-- {R}:c:<worker> sessions that could not reach it, by time.
function clear_complaints(worker)
  if call('DEL', R .. ':c:' .. worker) == 1 then count(worker, -COMPLAINED) end
end

write_counts = function()
  for worker, by in pairs(moved) do
    if by ~= 0 then write_count(worker, 0) end
  end
end

-- One more slot in use; answers the worker's pool, and how it is reached.
function take(worker)
  local slots, soft, open, group, pool, reach = spot_of(worker)
  local used = write_count(worker, 1) % HELD
  if not open then return pool, reach end
  local old, new = shelf(used - 1, soft), shelf(used, soft)
  if old == new and used < slots then
    shelve(group, new, worker, slots - used)
    return pool, reach
  end
  take_off(group, old, worker)
  if used < slots then put_on(group, new, worker, slots - used) end
  return pool, reach
end

-- A session is given a slot that it did not have; see `take`.
function give_slot(worker)
  write_count('came:' .. worker, 1)
  return take(worker)
end

function give(worker)
  local slots, soft, open, group = spot_of(worker)
  local used = write_count(worker, -1) % HELD
  if used == 0 and not slots and call('HEXISTS', R .. ':workers', worker) == 0 then call('HDEL', R .. ':used', worker) end
  if not open then return end
  local old, new = shelf(used + 1, soft), shelf(used, soft)
  if old == new and used + 1 < slots then return shelve(group, new, worker, slots - used) end
  if old ~= new then take_off(group, old, worker) end
  if used < slots then put_on(group, new, worker, slots - used) end
end

function close_spot(worker)
  local slots, soft, open, group, pool, reach = spot_of(worker)
  if not open then return end
  take_off(group, shelf(used_of(worker), soft), worker)
  set_spot(worker, slots, soft, 0, group, pool, reach)
end

function open_spot(worker)
  local slots, soft, open, group, pool, reach = spot_of(worker)
  if not slots or open then return end
  local used = used_of(worker)
  set_spot(worker, slots, soft, 1, group, pool, reach)
  if used < slots then put_on(group, shelf(used, soft), worker, slots - used) end
end

-- A small hash with short words is kept as a list, and searched from its start: with 500 workers that costs as much as ten
-- other commands. One long name makes a table of it.
local LONG = ('-'):rep(65)

-- Groups are workers that no requirement can tell apart: {R}:groups id -> {pool, labels, members, name}.
function add_spot(w)
  local id = call('HGET', R .. ':gids', w.group)
  if not id then
    id = 'g' .. call('INCR', R .. ':gid') .. '.' -- none of them is within another one, or within two side by side
    call('HSET', R .. ':gids', w.group, id)
    call('HSET', R .. ':groups', id, pack({w.pool, w.labels, 0, w.group}))
    call('DEL', R .. ':plans')
  end
  local group = unpack_message(call('HGET', R .. ':groups', id))
  group[3] = group[3] + 1
  call('HSET', R .. ':groups', id, pack(group))
  call('HSETNX', R .. ':used', LONG, 0)
  set_spot(w.id, w.slots, w.slots * SOFT_CAP, 0, id, w.pool, w.address .. '\n' .. w.key)
end

function remove_spot(worker)
  close_spot(worker)
  local _, _, _, id = spot_of(worker)
  if not id then return end
  call('HDEL', R .. ':spot', worker)
  places[worker] = nil
  local group = unpack_message(call('HGET', R .. ':groups', id))
  group[3] = group[3] - 1
  if group[3] > 0 then
    call('HSET', R .. ':groups', id, pack(group))
  else
    call('HDEL', R .. ':groups', id)
    call('HDEL', R .. ':gids', group[4])
    call('DEL', R .. ':plans')
  end
end

-- `wanted`: {key, packed {pools, labels}, is spread}; the key names all of it.
function meets(wanted, pool, labels)
  local said = unpack_message(wanted[2])
  local found = #said[1] == 0
  for _, name in ipairs(said[1]) do found = found or name == pool end
  if not found then return false end
  for _, label in ipairs(said[2]) do
    local has = false
    for _, own in ipairs(labels) do has = has or (own[1] == label[1] and own[2] == label[2]) end
    if not has then return false end
  end
  return true
end

local read_plan = reader_of(function(raw) return unpack_message(raw) end)

function groups_for(wanted)
  local known = several and several.plans[wanted[1]] or call('HGET', R .. ':plans', wanted[1])
  if known then return read_plan(known) end
  local meeting, all = {}, call('HGETALL', R .. ':groups')
  for n = 1, #all, 2 do
    local group = unpack_message(all[n + 1])
    if meets(wanted, group[1], group[2]) then meeting[#meeting + 1] = all[n] end
  end
  if call('HLEN', R .. ':plans') >= PLANS then call('DEL', R .. ':plans') end
  call('HSET', R .. ':plans', wanted[1], pack(meeting), LONG, 0)
  return meeting
end

-- Pools that could serve this with workers that do not exist yet, {pool, lead seconds while it grows or false} each; see
-- scheduler/coming.py. {R}:coming pool -> {until, labels, lead}.
function coming(wanted)
  local found, all = {}, call('HGETALL', R .. ':coming')
  for n = 1, #all, 2 do
    local pool = unpack_message(all[n + 1])
    if pool[1] > now and meets(wanted, all[n], pool[2]) then found[#found + 1] = {all[n], pool[3]} end
  end
  return found
end

function has_hope(wanted)
  return #groups_for(wanted) > 0 or #coming(wanted) > 0
end

-- The first of one shelf that is none of `tried`, and its free slots.
local function first_of(group, kind, tried, is_spread)
  local key = R .. ':i:' .. group .. kind
  forget_shelf(group, kind, key)
  local found = ask(is_spread and 'ZREVRANGE' or 'ZRANGE', key, 0, #tried, 'WITHSCORES')
  for n = 1, #found, 2 do
    local worker, is_tried = found[n], false
    for _, one in ipairs(tried) do is_tried = is_tried or one == worker end
    if not is_tried then return worker, tonumber(found[n + 1]) end
  end
end

-- The same over groups, none tried and the fullest first, from what several operations know of each shelf's first one.
local function known_best(groups, kind)
  local firsts, best, room = several.firsts[kind], nil, nil
  for n = 1, #groups do
    local group = groups[n]
    local first = firsts[group]
    if first == nil then
      local worker, free
      if has_any(group, kind) then worker, free = first_of(group, kind, {}) end
      first = worker and {worker, free} or false
      firsts[group] = first
    end
    if first and (not best or first[2] < room) then best, room = first[1], first[2] end
  end
  return best, room
end

-- The best of one shelf over groups that is none of `tried`: by fewest free slots, or by most.
local function best_of(groups, kind, tried, is_spread)
  if several and not is_spread and #tried == 0 then return known_best(groups, kind) end
  local best, room
  local stocked = shard_state()[SHELF[kind]]
  if not stocked then return nil end
  for n = 1, #groups do
    if find(stocked, groups[n], 1, true) then
      local worker, free = first_of(groups[n], kind, tried, is_spread)
      if worker and (not best or (is_spread and free > room) or (not is_spread and free < room)) then
        best, room = worker, free
      end
    end
  end
  return best, room
end

function choose(wanted, tried)
  local groups = groups_for(wanted)
  if not wanted[3] then
    return best_of(groups, ':b', tried) or best_of(groups, ':a', tried) or best_of(groups, ':e', tried), #groups > 0
  end
  local best, room
  for _, suffix in ipairs({':e', ':b', ':a'}) do
    local one, free = best_of(groups, suffix, tried, true)
    if one and (not best or free > room) then best, room = one, free end
  end
  return best, #groups > 0
end

end
