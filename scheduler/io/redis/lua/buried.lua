-- Which of these sessions are over. KEYS[1] is the fleet's prefix. args: session ids
begin(KEYS, ARGV)
local over = {}
for _, id in ipairs(args) do
  if call('ZSCORE', R .. ':dead', id) then over[#over + 1] = id end
end
return answer(over)
