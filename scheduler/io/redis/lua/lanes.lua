-- How many wait, by the first pool that is scaled and could serve them, else by the first one; by name.
begin(KEYS, ARGV)

local function first_of(wanted)
  local first
  for _, pool in ipairs(coming(wanted)) do
    if not first or pool[1] < first then first = pool[1] end
  end
  if first then return first end
  for _, group in ipairs(groups_for(wanted)) do
    local pool = unpack_message(call('HGET', R .. ':groups', group))[1]
    if not first or pool < first then first = pool end
  end
  return first
end

local found, lanes = {}, call('HGETALL', R .. ':lanes')
for n = 1, #lanes, 2 do
  local first = first_of(unpack_message(lanes[n + 1])[1])
  if first then
    local many = -tonumber(call('HGET', R .. ':also', lanes[n]) or 0)
    for _, workspace in ipairs(call('ZRANGE', R .. ':ring:' .. lanes[n], 0, -1)) do
      many = many + call('ZCARD', R .. ':line:' .. lanes[n] .. ':' .. workspace)
    end
    found[#found + 1] = {first, many}
  end
end
return answer(found)
