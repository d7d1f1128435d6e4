-- A worker joins, or joins again with the id and the key it had; one that an empty store does not know keeps both.
-- args: what it says of itself (checked already), with `id` and `new_key` in case it is new
begin(KEYS, ARGV)
local r = args

local function admit()
  local w = {
    id = r.kept and r.again or r.id, key = r.kept and r.key or r.new_key, duty = r.starting and 'starting' or 'serving',
    health = 'alive', load = 0, joined = now, seq = -1, ready = not r.starting,
  }
  if r.kept then call('HDEL', R .. ':used', 'came:' .. w.id) end -- a program from before this count removed it
  append('worker.joined', false, w.id, 0, about(r), false)
  return w
end

local function too_few_slots(used)
  return refused('CONFLICT', 'it has ' .. used .. ' sessions, more than ' .. r.slots .. ' slots')
end

local function doubt_return(w)
  if w.key ~= r.key then
    return refused('PERMISSION_DENIED', 'the key is not the one this worker got; register without `again`')
  end
  if w.pool ~= r.pool then
    return refused('CONFLICT', 'a worker keeps its region and pool; register without `again`')
  end
  local used = used_of(w.id) - orphans_of(w.id)
  if r.slots < used then return too_few_slots(used) end
end

-- The same worker over a new link: its duty stays, its health is good again.
local function take_back(w)
  if w.health == 'lost' then append('worker.returned', false, w.id, 0, about(r), false) end
  change_health(w, 'register')
  call('ZREM', R .. ':lost', w.id)
  drop_orphans(w.id)
  remove_spot(w.id) -- slots and labels may differ; `settle` adds it again
  w.ready = not r.starting
  if w.duty == 'starting' and w.ready then w.duty = 'serving' end
  w.seq, w.delivered = -1, nil
  call('DEL', R .. ':d:' .. w.id, R .. ':work:part:' .. w.id)
  clear_complaints(w.id)
end

-- Of its duty, which it may have forgotten.
local function remind(w)
  if w.duty == 'cordoned' then
    direct(w.id, 'cordon')
  elseif w.duty == 'retired' then
    direct(w.id, 'shutdown')
  elseif w.draining then
    direct(w.id, 'drain', nil, nil, nil, w.draining.deadline)
  end
end

local function take_words(w)
  w.name, w.pool, w.address, w.slots, w.labels, w.group = r.name, r.pool, r.address, r.slots, r.labels, r.group
  w.version, w.kubernetes = r.version, r.kubernetes
  call('HSET', R .. ':reach', w.id, w.address .. '\n' .. w.key)
  set_link(w.id, r.gateway or '')
  call('ZADD', R .. ':beats', now, w.id)
end

local w = r.again and worker_of(r.again)
if w then
  local no = doubt_return(w)
  if no then return answer(no) end
  take_back(w)
  take_words(w)
  remind(w)
else
  local used = r.kept and used_of(r.again) or 0 -- of one that was removed: sessions that have not gone elsewhere yet
  if r.slots < used then return answer(too_few_slots(used)) end
  w = admit()
  take_words(w)
  if r.kept and #r.sessions > 0 and is_young() then open_window() end
end
call('SETNX', R .. ':born', now)
over = {}
for _, session in ipairs(r.over or {}) do over[session] = true end
settle(w, function() reconcile(w, r.sessions) end)
return answer({'registered', w.id, w.key, w.duty, w.health})
