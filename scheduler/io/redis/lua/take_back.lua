--! flags allow-oom
-- Sessions that entered the fleet's shard: those that came are let be, the others leave. One that was asked for since
-- the sweep named it has another mark, and stays. KEYS[1] is the fleet's prefix.
-- args: {as the sweep named them}, {ids that are absent}
begin(KEYS, ARGV)
local absent = {}
for _, id in ipairs(args[2]) do absent[id] = true end
for _, one in ipairs(args[1]) do
  local mark = tonumber(call('ZSCORE', R .. ':entering', one[1]) or 0)
  if mark == one[9] then
    call('ZREM', R .. ':entering', one[1])
    if absent[one[1]] then fleet_leave(R, one) end
  end
end
return answer(true)
