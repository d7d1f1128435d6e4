-- One attach: a first placement, the way back to the slot, the queue. The same request again answers the same.
-- args: the request q; q.entered says that the fleet's shard has admitted it already, q.also that the session waits in
-- another region too.
begin(KEYS, ARGV)
q = args
return answer(claim())
