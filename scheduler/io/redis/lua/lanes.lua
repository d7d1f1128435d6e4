-- How many wait, by the pool of the first group that could serve them.
begin(KEYS, ARGV)
local found, lanes = {}, call('HGETALL', R .. ':lanes')
for n = 1, #lanes, 2 do
  local groups = groups_for(unpack_message(lanes[n + 1])[1])
  if groups[1] then
    local many = -tonumber(call('HGET', R .. ':also', lanes[n]) or 0)
    for _, workspace in ipairs(call('ZRANGE', R .. ':ring:' .. lanes[n], 0, -1)) do
      many = many + call('ZCARD', R .. ':line:' .. lanes[n] .. ':' .. workspace)
    end
    found[#found + 1] = {unpack_message(call('HGET', R .. ':groups', groups[1]))[1], many}
  end
end
return answer(found)
