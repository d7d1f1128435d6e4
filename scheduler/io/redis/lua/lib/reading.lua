-- What several operations are about to read, each kind of it by one command. Only saves commands: what is not read here they read
-- themselves.

do

-- Of the fleet's shard, at names[from ...]: a session, and what it counts among.
local function name(names, from, session, of)
  names[from], names[from + 1], names[from + 2], names[from + 3] = session, of[1], of[2], of[3]
end

local function read_fleet(names)
  local known, found = several.fleet, ask('HMGET', F .. ':s', unpack(names))
  for n = 1, #names do known[names[n]] = found[n] end
end

local function read_for_claims(asked)
  local graves, names, plans = {'ZMSCORE', F .. ':dead'}, {}, {'HMGET', R .. ':plans'}
  for n = 1, #asked do
    local said = asked[n]
    if said then
      local who = unpack_message(said[1])
      said[9], said[10] = who, {'#u' .. who[2], '#k' .. who[3], '#w' .. who[1]}
      name(names, #names + 1, said[2], said[10])
      graves[#graves + 1], plans[#plans + 1] = said[2], who[7][1]
    end
  end
  local found = ask(unpack(plans))
  for n = 3, #plans do several.plans[plans[n]] = found[n - 2] end
  if F == '' then return end
  names[#names + 1] = '#r'
  read_fleet(names)
  found = ask(unpack(graves))
  for n = 3, #graves do several.graves[graves[n]] = found[n - 2] end
end

-- Sessions by their ids, the numbers of their workers, and of those that end what the fleet's shard has of them.
local function read_for_lives(names, asked)
  local keys, ready, workers, fields = {'MGET'}, several.ready, {'HMGET', R .. ':used'}, {}
  for n = 1, #asked do keys[n + 1] = R .. ':s:' .. (asked[n] and asked[n][1]) end
  local found = ask(unpack(keys))
  for n = 1, #found do
    local s = found[n] and unpack_session(found[n])
    ready[keys[n + 1]] = s or false
    if s then
      workers[#workers + 1] = s.worker
      if F ~= '' and names[2 * n + 1] == 'end' then
        local who = about_session(s)
        name(fields, #fields + 1, s.id, {'#u' .. who[2], '#k' .. who[3], '#w' .. who[1]})
      end
    end
  end
  if #workers > 2 then
    found = ask(unpack(workers))
    for n = 3, #workers do several.used[workers[n]] = found[n - 2] end
  end
  if #fields > 0 then read_fleet(fields) end
end

read_for = function(names, asked)
  if names[3] == 'claim' then return read_for_claims(asked) end
  read_for_lives(names, asked)
end

end
