#include "cli/plugin.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/exchange.h"
#include "config/forms.h"
#include "upstream/process.h"
#include "upstream/program.h"
#include "upstream/reply_reader.h"

namespace policymux {
namespace {

using Problem = Unexpected<std::string>;

bool has_ended(const Child& child, milliseconds patience) {
  pollfd end{.fd = child.pidfd.get(), .events = POLLIN, .revents = 0};
  int polled;
  do polled = ::poll(&end, 1, static_cast<int>(patience.count()));
  while (polled < 0 && errno == EINTR);
  return polled > 0;
}

// As a daemon ends its workers; how it ended.
std::string end(Child& child) {
  child.socket = UniqueFd{};
  if (!has_ended(child, Process::time_to_leave)) {
    signal_all(child, SIGTERM);
    if (!has_ended(child, Process::time_to_die)) signal_all(child, SIGKILL);
    has_ended(child, Process::time_to_die);
  }
  return reap(child).value_or("still running");
}

Result<std::string, std::string> judge(std::string_view answer) {
  const auto verdict = ReplyReader{}.read(answer, {});
  if (!verdict) return Problem{with_what_came("the plug-in ended without an answer", answer)};
  if (verdict->surplus) return Problem{"the plug-in sent more than its answer: " + in_quotes(answer)};
  if (!verdict->failure) return verdict->action.text;
  const auto text = failure_row(*verdict->failure).text;
  return Problem{verdict->detail.empty() ? with_what_came(text, answer) : fmt::format("{}: {}", text, verdict->detail)};
}

}  // namespace

Result<std::string, std::string> ask_plugin(std::string_view command, std::string_view question, milliseconds timeout) {
  auto words = forms::Words::read(command);
  if (!words) return Problem{std::move(words).error()};
  if (words->empty()) return Problem{"there is no command"};
  std::error_code unknown;
  const auto here = std::filesystem::current_path(unknown);
  auto child = start({.words = *std::move(words), .directory = unknown ? "/" : here.string()}, STDERR_FILENO);
  if (!child) return Problem{"the plug-in cannot be started: " + child.error()};
  const auto answer = exchange(child->socket.get(), question, timeout, one_reply);
  const auto how = end(*child);
  if (!answer) return Problem{fmt::format("{}; {}", answer.error(), how)};
  auto action = judge(*answer);
  if (!action) return Problem{fmt::format("{}; {}", action.error(), how)};
  return action;
}

}  // namespace policymux
