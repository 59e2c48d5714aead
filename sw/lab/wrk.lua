-- Asks for random routes, and looks whether the right pods answer.
--
-- wrk does not tell which connection an answer came by: so each thread has one. Its own sums come when
-- its time is over, whatever is on its way then: so a thread ends after its share of requests, and
-- writes to stderr what became of them, in one line.

local ffi = require("ffi")
ffi.cdef [[
   struct lab_time { long seconds, nanoseconds; };
   int clock_gettime(int clock, struct lab_time *time);
]]

local CLOCK_MONOTONIC = 1
local threads = 0
local time = ffi.new("struct lab_time")
local share, first_port, routes, route
local right, wrong, failed, times = 0, 0, 0, {}
local sent, began

local function now()
   ffi.C.clock_gettime(CLOCK_MONOTONIC, time)
   return tonumber(time.seconds) * 1e6 + tonumber(time.nanoseconds) / 1e3
end

function setup(thread)
   threads = threads + 1
   thread:set("number", threads)
end

function init(arguments)
   share, first_port, routes = tonumber(arguments[1]), arguments[2], arguments[3]
   wrk.headers["Host"] = arguments[4]
   math.randomseed(arguments[5] * 1000 + number)
   -- wrk looks at a request of the first thread before it begins.
   sent = number == 1 and -1 or 0
end

function request()
   route = math.random(0, routes - 1)
   wrk.headers["x-lab"] = route % 3 == 2 and route or nil
   sent = sent + 1
   began = now()
   return wrk.format("GET", "/r" .. route .. "/" .. math.random(0, 999999))
end

function response(status, _, body)
   table.insert(times, string.format("%.0f", now() - began))
   if status ~= 200 then
      failed = failed + 1
   elseif body == first_port + route .. "\n" then
      right = right + 1
   else
      wrong = wrong + 1
   end
   if #times < share then
      return
   end
   -- What was not answered was sent again, on another connection.
   failed = failed + sent - #times
   local text = '{"right": %d, "wrong": %d, "failed": %d, "times": [%s]}\n'
   io.stderr:write(text:format(right, wrong, failed, table.concat(times, ",")))
   wrk.thread:stop()
end
