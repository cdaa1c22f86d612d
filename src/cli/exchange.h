// One question to a server, for commands that wait for the answer.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include <policymux/result.h>

#include "base/endpoint.h"
#include "base/time.h"

namespace policymux {

// Connects, sends `question` and returns everything that was answered by the time that `is_whole` says so, or that the
// server closed. The error says what went wrong. Blocks for at most `timeout`, connecting aside.
Result<std::string, std::string> exchange(const Endpoint& server, std::string_view question, milliseconds timeout,
                                          const std::function<bool(std::string_view)>& is_whole);
// The same over a socket that is connected, and non-blocking.
Result<std::string, std::string> exchange(int socket, std::string_view question, milliseconds timeout,
                                          const std::function<bool(std::string_view)>& is_whole);

}  // namespace policymux
