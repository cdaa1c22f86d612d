// A plug-in tried without a daemon.
#pragma once

#include <string>
#include <string_view>

#include <policymux/result.h>

#include "base/time.h"

namespace policymux {

// Runs the command (split like exec: in main.conf) from the current directory, with the environment that a daemon
// would give it and our standard error, puts the question to it and returns the action that it answers, judged as the
// daemon does. The program is gone afterwards. The error says what went wrong. Blocks for at most `timeout`, and then
// until the program has left or was killed.
Result<std::string, std::string> ask_plugin(std::string_view command, std::string_view question, milliseconds timeout);

}  // namespace policymux
