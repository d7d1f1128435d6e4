-- The fleet's shard: which region a session is in, limits, tombstones, revocations. `f` is that shard's prefix.
-- {f}:s session -> {region, workspace, user, key}; {f}:u:, :k:, :w: the live sessions of a user, key, workspace.

local function fleet_names(f, q)
  return f .. ':u:' .. q.user, f .. ':k:' .. q.key, f .. ':w:' .. q.workspace
end

local function is_revoked(f, q)
  if call('EXISTS', f .. ':revoked') == 0 then return false end
  if call('HEXISTS', f .. ':revoked', 'session ' .. q.session) == 1 then return true end
  local found = call('HMGET', f .. ':revoked', 'user ' .. q.user, 'key ' .. q.key, 'workspace ' .. q.workspace)
  for n = 1, 3 do
    if found[n] and (not q.issued or q.issued < unpack_message(found[n])[2]) then return true end
  end
  return false
end

local function broken_limit(f, q)
  if not q.limits then return nil end
  local user, key, workspace = fleet_names(f, q)
  for n, name in ipairs({user, key, workspace}) do
    local most = q.limits[n]
    if most > 0 and call('SCARD', name) >= most then
      return 'the ' .. ({'user', 'API key', 'workspace'})[n] .. ' has ' .. most .. ' live sessions, its limit; end one or wait'
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
  local known = call('HGET', f .. ':s', q.session)
  return nil, known and unpack_message(known)[1]
end

local function fleet_enter(f, q, region)
  local user, key, workspace = fleet_names(f, q)
  call('HSET', f .. ':s', q.session, pack({region, q.workspace, q.user, q.key}))
  call('SADD', user, q.session)
  call('SADD', key, q.session)
  call('SADD', workspace, q.session)
end

local function bury(f, session, till, is_expired)
  call('ZADD', f .. ':dead', 'GT', till, session)
  if is_expired then call('ZADD', f .. ':expired', 'GT', till, session) end
end

-- `gone`: {session, workspace, user, key, buried until or false, record or false, region}. A session that is not over
-- leaves only from the region that it is in: it may have waited in several.
local function fleet_leave(f, gone)
  local session, workspace, user, key, till, record = gone[1], gone[2], gone[3], gone[4], gone[5], gone[6]
  local known = not till and gone[7] and call('HGET', f .. ':s', session)
  if known and unpack_message(known)[1] ~= gone[7] then return end
  if call('HDEL', f .. ':s', session) == 1 then
    call('SREM', f .. ':u:' .. user, session)
    call('SREM', f .. ':k:' .. key, session)
    call('SREM', f .. ':w:' .. workspace, session)
  end
  if till then
    bury(f, session, till, record and record[2] == 'EXPIRED')
    call('SET', f .. ':r:' .. session, pack(record), 'EX', END_RECORD_SECONDS)
  end
end

-- A session leaves the fleet's shard: now where that is on this node, else by whoever reads the answer, or the sweeper.
local function depart(q, till, record)
  local gone = {q.session or q.id, q.workspace, q.user, q.key, till or false, record or false, q.region or false}
  if F ~= '' then
    fleet_leave(F, gone)
  else
    call('HSET', R .. ':left', gone[1], pack(gone))
    left[#left + 1] = gone
  end
end
