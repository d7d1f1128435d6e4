-- Before an adoption where the region is on another node: which of these sessions are over, and which the fleet's shard
-- did not know and now does. KEYS[1] is the fleet's prefix. args: {{session, fence, workspace, user, key, ...}...}, region
begin(KEYS, ARGV)
local over, entered = {}, {}
for _, one in ipairs(args[1]) do
  fleet_about = nil
  local q = {session = one[1], workspace = one[3], user = one[4], key = one[5]}
  if call('ZSCORE', R .. ':dead', one[1]) or call('HEXISTS', R .. ':revoked', 'session ' .. one[1]) == 1 then
    over[#over + 1] = one[1]
  elseif call('HEXISTS', R .. ':s', one[1]) == 0 then
    fleet_enter(R, q, args[2])
    entered[#entered + 1] = one[1]
  end
end
return answer({over, entered})
