-- Free slots, found in a time that does not grow with the fleet. {R}:spot worker -> "slots soft open group pool\naddress\nkey";
-- {R}:i:<group> with :b (in use, below the soft cap), :a (above it), :e (empty) hold open workers by free slots.

local function spot_of(worker)
  local raw = call('HGET', R .. ':spot', worker)
  if not raw then return nil end
  local slots, soft, open, group, pool, reach = raw:match('^(%d+) (%S+) (%d) (%d+) (.-)\n(.*)$')
  return tonumber(slots), tonumber(soft), open == '1', group, pool, reach
end

local function set_spot(worker, slots, soft, open, group, pool, reach)
  call('HSET', R .. ':spot', worker, table.concat({slots, soft, open, group, pool}, ' ') .. '\n' .. reach)
end

local function shelf(group, used, soft)
  return R .. ':i:' .. group .. (used == 0 and ':e' or used < soft and ':b' or ':a')
end

local function used_of(worker)
  return tonumber(call('HGET', R .. ':used', worker) or 0)
end

-- One more slot in use; answers the worker's pool, and how it is reached.
local function take(worker)
  local slots, soft, open, group, pool, reach = spot_of(worker)
  local used = call('HINCRBY', R .. ':used', worker, 1)
  if not open then return pool, reach end
  local old, new = shelf(group, used - 1, soft), shelf(group, used, soft)
  if old ~= new or used >= slots then call('ZREM', old, worker) end
  if used < slots then call('ZADD', new, slots - used, worker) end
  return pool, reach
end

local function give(worker)
  local slots, soft, open, group = spot_of(worker)
  local used = call('HINCRBY', R .. ':used', worker, -1)
  if used <= 0 and call('HEXISTS', R .. ':workers', worker) == 0 then call('HDEL', R .. ':used', worker) end
  if not open then return end
  local old, new = shelf(group, used + 1, soft), shelf(group, used, soft)
  if old ~= new then call('ZREM', old, worker) end
  if used < slots then call('ZADD', new, slots - used, worker) end
end

local function close_spot(worker)
  local slots, soft, open, group, pool, reach = spot_of(worker)
  if not open then return end
  call('ZREM', shelf(group, used_of(worker), soft), worker)
  set_spot(worker, slots, soft, 0, group, pool, reach)
end

local function open_spot(worker)
  local slots, soft, open, group, pool, reach = spot_of(worker)
  if not slots or open then return end
  local used = used_of(worker)
  set_spot(worker, slots, soft, 1, group, pool, reach)
  if used < slots then call('ZADD', shelf(group, used, soft), slots - used, worker) end
end

-- Groups are workers that no requirement can tell apart: {R}:groups id -> {pool, labels, members, name}.
local function add_spot(w)
  local id = call('HGET', R .. ':gids', w.group)
  if not id then
    id = tostring(call('INCR', R .. ':gid'))
    call('HSET', R .. ':gids', w.group, id)
    call('HSET', R .. ':groups', id, pack({w.pool, w.labels, 0, w.group}))
    call('DEL', R .. ':plans')
  end
  local group = unpack_message(call('HGET', R .. ':groups', id))
  group[3] = group[3] + 1
  call('HSET', R .. ':groups', id, pack(group))
  set_spot(w.id, w.slots, w.slots * SOFT_CAP, 0, id, w.pool, w.address .. '\n' .. w.key)
end

local function remove_spot(worker)
  close_spot(worker)
  local _, _, _, id = spot_of(worker)
  if not id then return end
  call('HDEL', R .. ':spot', worker)
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
local function meets(wanted, pool, labels)
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

local function groups_for(wanted)
  local known = call('HGET', R .. ':plans', wanted[1])
  if known then return unpack_message(known) end
  local meeting, all = {}, call('HGETALL', R .. ':groups')
  for n = 1, #all, 2 do
    local group = unpack_message(all[n + 1])
    if meets(wanted, group[1], group[2]) then meeting[#meeting + 1] = all[n] end
  end
  if call('HLEN', R .. ':plans') >= PLANS then call('DEL', R .. ':plans') end
  call('HSET', R .. ':plans', wanted[1], pack(meeting))
  return meeting
end

-- Pools that could serve this with workers that do not exist yet, {pool, lead seconds while it grows or false} each; see
-- scheduler/coming.py. {R}:coming pool -> {until, labels, lead}.
local function coming(wanted)
  local found, all = {}, call('HGETALL', R .. ':coming')
  for n = 1, #all, 2 do
    local pool = unpack_message(all[n + 1])
    if pool[1] > now and meets(wanted, all[n], pool[2]) then found[#found + 1] = {all[n], pool[3]} end
  end
  return found
end

local function has_hope(wanted)
  return #groups_for(wanted) > 0 or #coming(wanted) > 0
end

-- The best of one shelf over groups that is none of `tried`: by fewest free slots, or by most.
local function best_of(groups, suffix, tried, is_spread)
  local best, room
  for _, group in ipairs(groups) do
    local found = call(is_spread and 'ZREVRANGE' or 'ZRANGE', R .. ':i:' .. group .. suffix, 0, #tried, 'WITHSCORES')
    for n = 1, #found, 2 do
      local worker, free, is_tried = found[n], tonumber(found[n + 1]), false
      for _, one in ipairs(tried) do is_tried = is_tried or one == worker end
      if not is_tried then
        if not best or (is_spread and free > room) or (not is_spread and free < room) then best, room = worker, free end
        break
      end
    end
  end
  return best, room
end

local function choose(wanted, tried)
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
