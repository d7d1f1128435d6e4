-- Tells attached sessions of a worker or a gateway to reconnect; of a worker those that some other one has room for.
-- args: {key of the set, {retry_after...}: as many as may be told, the worker or false}
begin(KEYS, ARGV)
local told, room = 0, {}

local function can_move(s)
  if not args[3] then return true end
  local key = s.wanted[1]
  if room[key] == nil then room[key] = choose(s.wanted, {args[3]}) ~= nil end
  return room[key]
end

for _, id in ipairs(call('SMEMBERS', R .. args[1])) do
  if told >= #args[2] then break end
  local s = session_of(id)
  if s and s.state == 'h' and (s.told or 0) + TOLD_AGAIN_AFTER <= now and can_move(s) then
    told = told + 1
    s.told = now
    save(s)
    tell(s.gateway, 'close', s.id, s.fence, 'DRAINING', args[2][told])
  end
end
return answer(told)
