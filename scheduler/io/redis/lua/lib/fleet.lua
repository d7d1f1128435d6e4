-- The fleet's shard: which region a session is in, limits, tombstones, revocations. `f` is that shard's prefix.
-- {f}:s holds session -> {region, workspace, user, key}, how many are live of each user (#u...), key (#k...) and
-- workspace (#w...), and #r where revocations are in force: what a claim needs is one read and one write.

local function about_of(f, q)
  fleet_about = fleet_about or call('HMGET', f .. ':s', q.session, '#u' .. q.user, '#k' .. q.key, '#w' .. q.workspace, '#r')
  return fleet_about
end

local function is_revoked(f, q)
  if not about_of(f, q)[5] then return false end
  if call('HEXISTS', f .. ':revoked', 'session ' .. q.session) == 1 then return true end
  local found = call('HMGET', f .. ':revoked', 'user ' .. q.user, 'key ' .. q.key, 'workspace ' .. q.workspace)
  for n = 1, 3 do
    if found[n] and (not q.issued or q.issued < unpack_message(found[n])[2]) then return true end
  end
  return false
end

local function broken_limit(f, q)
  if not q.limits then return nil end
  local live = about_of(f, q)
  for n, whose in ipairs({'user', 'API key', 'workspace'}) do
    local most = q.limits[n]
    if most > 0 and tonumber(live[n + 1] or 0) >= most then
      return 'the ' .. whose .. ' has ' .. most .. ' live sessions, its limit; end one or wait'
    end
  end
end

-- Whether a session may claim: a refusal, or the region it is in already, or nothing where it is new there.
local function fleet_admits(f, q)
  if call('ZSCORE', f .. ':dead', q.session) then
    local is_expired = call('ZSCORE', f .. ':expired', q.session)
    return refused(is_expired and 'SESSION_EXPIRED' or 'SESSION_ENDED', 'the session is over; create another one')
  end
  if is_revoked(f, q) then
    return refused('SESSION_ENDED', 'the session, its user, key or workspace was revoked')
  end
  local known = about_of(f, q)[1]
  return nil, known and unpack_message(known)[1]
end

local function fleet_enter(f, q, region)
  local found, entry = about_of(f, q), pack({region, q.workspace, q.user, q.key})
  if found[1] then
    call('HSET', f .. ':s', q.session, entry)
  else
    call('HSET', f .. ':s', q.session, entry, '#u' .. q.user, (found[2] or 0) + 1, '#k' .. q.key, (found[3] or 0) + 1,
      '#w' .. q.workspace, (found[4] or 0) + 1)
  end
  fleet_about = nil
end

-- The counts of a session that left: what is at zero leaves nothing behind.
local function count_off(f, session, names, counts)
  local gone, less = {session}, {}
  for n, name in ipairs(names) do
    if tonumber(counts[n + 1]) > 1 then
      less[#less + 1] = name
      less[#less + 1] = counts[n + 1] - 1
    else
      gone[#gone + 1] = name
    end
  end
  call('HDEL', f .. ':s', unpack(gone))
  if #less > 0 then call('HSET', f .. ':s', unpack(less)) end
end

local function bury(f, session, till, is_expired)
  call('ZADD', f .. ':dead', 'GT', till, session)
  if is_expired then call('ZADD', f .. ':expired', 'GT', till, session) end
end

-- `gone`: {session, workspace, user, key, buried until or false, packed record or false, region or false, is expired}. A
-- session that is not over leaves only from the region that it is in: it may have waited in several.
local function fleet_leave(f, gone)
  local session, till = gone[1], gone[5]
  local names = {'#u' .. gone[3], '#k' .. gone[4], '#w' .. gone[2]}
  local found = call('HMGET', f .. ':s', session, unpack(names))
  if found[1] and (till or not gone[7] or unpack_message(found[1])[1] == gone[7]) then
    count_off(f, session, names, found)
    fleet_about = nil
  end
  if till then
    bury(f, session, till, gone[8])
    call('SET', f .. ':r:' .. session, gone[6], 'EX', END_RECORD_SECONDS)
  end
end

-- A session leaves the fleet's shard: now where that is on this node, else by whoever reads the answer, or the sweeper.
local function depart(session, q, till, record, is_expired)
  local gone = {session, q.workspace, q.user, q.key, till or false, record or false,
    q.region or false, is_expired or false}
  if F ~= '' then
    fleet_leave(F, gone)
  else
    local earlier = not till and call('HGET', R .. ':left', gone[1]) -- an end that was not heard of yet stays one
    if earlier and unpack_message(earlier)[5] then gone = unpack_message(earlier) end
    call('HSET', R .. ':left', gone[1], pack(gone))
    left[#left + 1] = gone
  end
end
