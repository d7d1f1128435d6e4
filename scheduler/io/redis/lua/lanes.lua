-- How many wait, by the first pool, by name, that could serve them.
begin(KEYS, ARGV)
local found, lanes = {}, call('HGETALL', R .. ':lanes')
for n = 1, #lanes, 2 do
  local groups = groups_for(unpack_message(lanes[n + 1])[1])
  if groups[1] then
    local many = -tonumber(call('HGET', R .. ':also', lanes[n]) or 0)
    for _, workspace in ipairs(call('ZRANGE', R .. ':ring:' .. lanes[n], 0, -1)) do
      many = many + call('ZCARD', R .. ':line:' .. lanes[n] .. ':' .. workspace)
    end
    local first
    for _, group in ipairs(groups) do
      local pool = unpack_message(call('HGET', R .. ':groups', group))[1]
      if not first or pool < first then first = pool end
    end
    found[#found + 1] = {first, many}
  end
end
return answer(found)
