-- One attach: a first placement, the way back to the slot, the queue. The same request again answers the same.
-- args: {who it is, packed as a session's record keeps it; session, expires, wait, limits, issued, what few requests have}. Of
-- the last, `entered` says that the fleet's shard has admitted it already, `also` that it waits in another region too.
begin(KEYS, ARGV)
local who = args[9] or unpack_message(args[1])
q = {
  who = args[1], about = who, workspace = who[1], user = who[2], key = who[3], gateway = who[4], request = who[5],
  resume = who[6], wanted = who[7], region = who[8], session = args[2], expires = args[3], wait = args[4],
  limits = args[5], issued = args[6], entry = args[8], names = args[10],
}
if args[7] then
  for name, value in pairs(args[7]) do q[name] = value end
end
return answer(claim())
