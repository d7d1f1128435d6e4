-- Before an adoption where the region is on another node: which of these sessions are over or in another region, and which
-- the fleet's shard did not know and now does. KEYS[1] is the fleet's prefix.
-- args: {{session, fence, workspace, user, key, ...}...}, region
begin(KEYS, ARGV)
local over, entered = {}, {}
for _, one in ipairs(args[1]) do
  fleet_about = nil
  local q = {session = one[1], workspace = one[3], user = one[4], key = one[5]}
  local raw = call('HGET', R .. ':s', one[1])
  local is_elsewhere = raw and unpack_message(raw)[1] ~= args[2]
  if is_elsewhere or call('ZSCORE', R .. ':dead', one[1])
    or call('HEXISTS', R .. ':revoked', 'session ' .. one[1]) == 1 then
    over[#over + 1] = one[1]
  elseif not raw then
    fleet_enter(R, q, args[2])
    call('ZADD', R .. ':entering', now, one[1])
    entered[#entered + 1] = one[1]
  end
end
return answer({over, entered})
