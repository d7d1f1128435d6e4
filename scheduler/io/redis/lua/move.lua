-- The claimed worker did not answer: one not tried yet, with the fence and the reservation there are.
-- args: {session, fence}
begin(KEYS, ARGV)
local id, fence = args[1], args[2]
local s = session_of(id)
if not s or s.fence ~= fence or s.state ~= 'r' then return answer(stale(id, s)) end
local other = choose_untried(s, s.wanted)
if not other then
  save(s)
  return answer(no_other())
end
rehome(s, other)
save(s)
return answer(claimed(s))
