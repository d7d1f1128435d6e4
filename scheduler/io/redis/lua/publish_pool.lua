-- What its autoscaler says of a pool of this region. args: {pool, until, labels, lead or false}, or {pool} where no worker
-- of it is to be hoped for
begin(KEYS, ARGV)
if args[2] then
  call('HSET', R .. ':coming', args[1], pack({args[2], args[3], args[4]}))
else
  call('HDEL', R .. ':coming', args[1])
end
refuse_stranded() -- whoever hoped for what it was before
return answer(true)
