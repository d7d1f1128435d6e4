-- The fleet's shard: which region a session is in, limits, tombstones, revocations. `f` is that shard's prefix.
-- {f}:s holds session -> {region, workspace, user, key}, how many are live of each user (#u...), key (#k...) and
-- workspace (#w...), and #r where revocations are in force: what a claim needs is one read and one write.

local about_of, broken_limit, fleet_admits, fleet_enter, bury, fleet_leave, depart

do

-- The names under which a session counts.
local function names_of(q)
  if not q.names then q.names = {'#u' .. q.user, '#k' .. q.key, '#w' .. q.workspace} end
  return q.names
end

-- What several operations know of these fields already; nil where they do not know it of all.
local function known_of(session, names, more)
  local known = several.fleet
  local own, also = known[session], known[more]
  local one, two, three = known[names[1]], known[names[2]], known[names[3]]
  if own == nil or also == nil or one == nil or two == nil or three == nil then return nil end
  return {own, one, two, three, also}
end

function about_of(f, q)
  if fleet_about then return fleet_about end
  local names = names_of(q)
  fleet_about = several and known_of(q.session, names, '#r')
    or call('HMGET', f .. ':s', q.session, names[1], names[2], names[3], '#r')
  return fleet_about
end

local function is_revoked(f, q)
  if not about_of(f, q)[5] then return false end
  if ask('HEXISTS', f .. ':revoked', 'session ' .. q.session) == 1 then return true end
  local found = ask('HMGET', f .. ':revoked', 'user ' .. q.user, 'key ' .. q.key, 'workspace ' .. q.workspace)
  for n = 1, 3 do
    if found[n] and (not q.issued or q.issued < unpack_message(found[n])[2]) then return true end
  end
  return false
end

local function is_at_limit(most, live)
  return most > 0 and live and tonumber(live) >= most
end

function broken_limit(f, q)
  local limits = q.limits
  if not limits then return nil end
  local live = about_of(f, q)
  local most, whose = limits[1], 'user'
  if not is_at_limit(most, live[2]) then
    most, whose = limits[2], 'API key'
    if not is_at_limit(most, live[3]) then
      most, whose = limits[3], 'workspace'
      if not is_at_limit(most, live[4]) then return nil end
    end
  end
  return 'the ' .. whose .. ' has ' .. most .. ' live sessions, its limit; end one or wait'
end

-- Whether a session may claim: a refusal, or the region it is in already, or nothing where it is new there.
function fleet_admits(f, q)
  local grave = several and several.graves[q.session]
  if grave == nil then grave = call('ZSCORE', f .. ':dead', q.session) end
  if grave then
    local is_expired = call('ZSCORE', f .. ':expired', q.session)
    return refused(is_expired and 'SESSION_EXPIRED' or 'SESSION_ENDED', 'the session is over; create another one')
  end
  if is_revoked(f, q) then
    return refused('SESSION_ENDED', 'the session, its user, key or workspace was revoked')
  end
  local known = about_of(f, q)[1]
  return nil, known and unpack_message(known)[1]
end

function fleet_enter(f, q, region)
  local found, entry = about_of(f, q), q.entry or pack({region, q.workspace, q.user, q.key})
  local names = names_of(q)
  fleet_about = nil
  if found[1] then
    call('HSET', f .. ':s', q.session, entry)
  elseif several then
    count_in(q.session, entry, names, (found[2] or 0) + 1, (found[3] or 0) + 1, (found[4] or 0) + 1)
  else
    call('HSET', f .. ':s', q.session, entry, names[1], (found[2] or 0) + 1, names[2], (found[3] or 0) + 1,
      names[3], (found[4] or 0) + 1)
  end
end

-- The counts of a session that left: what is at zero leaves nothing behind. One that is not there must not keep it from ending.
local function count_off(f, session, names, counts)
  if several then return count_out(session, names, counts) end
  local gone, less = {session}, {}
  for n, name in ipairs(names) do
    if tonumber(counts[n + 1] or 1) > 1 then
      less[#less + 1] = name
      less[#less + 1] = counts[n + 1] - 1
    else
      gone[#gone + 1] = name
    end
  end
  call('HDEL', f .. ':s', unpack(gone))
  if #less > 0 then call('HSET', f .. ':s', unpack(less)) end
end

function bury(f, session, till, is_expired)
  bury_at(f .. ':dead', session, till)
  if is_expired then bury_at(f .. ':expired', session, till) end
end

-- `gone`: {session, workspace, user, key, buried until or false, packed record or false, region or false, is expired}. A
-- session that is not over leaves only from the region that it is in: it may have waited in several.
function fleet_leave(f, gone)
  local session, till = gone[1], gone[5]
  local names = {'#u' .. gone[3], '#k' .. gone[4], '#w' .. gone[2]}
  local found = several and known_of(session, names, session) or call('HMGET', f .. ':s', session, unpack(names))
  if found[1] and (till or not gone[7] or unpack_message(found[1])[1] == gone[7]) then
    count_off(f, session, names, found)
    fleet_about = nil
  end
  if till then
    bury(f, session, till, gone[8])
    keep_record(f, session, gone[6])
  end
end

-- A session leaves the fleet's shard: now where that is on this node, else by whoever reads the answer, or the sweeper.
function depart(session, q, till, record, is_expired)
  local who = q.about -- of a request and of a session; what waits has it by name
  local gone = who and {session, who[1], who[2], who[3], till or false, record or false, who[8], is_expired or false}
    or {session, q.workspace, q.user, q.key, till or false, record or false, q.region or false, is_expired or false}
  if F ~= '' then
    fleet_leave(F, gone)
  else
    local earlier = not till and ask('HGET', R .. ':left', gone[1]) -- an end that was not heard of yet stays one
    if earlier and unpack_message(earlier)[5] then gone = unpack_message(earlier) end
    ask('HSET', R .. ':left', gone[1], pack(gone))
    left[#left + 1] = gone
  end
end

end
