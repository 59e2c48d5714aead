-- Sends the requests of a file in turn, and says at the end what became of them, in one line of JSON.
--
-- Answers are not looked at here: a pod refuses a request that is not meant for it, and wrk counts
-- what is refused.

local heads, at = {}, 0

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   for head in file:read("*a"):gmatch("[^%z]+") do
      table.insert(heads, head)
   end
   file:close()
   local think = tonumber(arguments[2])
   if think > 0 then
      function delay() return think end
   end
end

function request()
   at = at % #heads + 1
   return heads[at]
end

function done(summary, latency)
   local e = summary.errors
   local text = '{"requests": %d, "seconds": %f, "bytes": %d, "refused": %d, "failed": %d, ' ..
      '"p50": %f, "p99": %f}\n'
   io.stderr:write(text:format(
      summary.requests, summary.duration / 1e6, summary.bytes, e.status,
      e.connect + e.read + e.write + e.timeout,
      latency:percentile(50), latency:percentile(99)))
end
