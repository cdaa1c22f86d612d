#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exchange.h"
#include "cli/input.h"
#include "cli/plugin.h"
#include "proto/reply.h"

namespace policymux {
namespace {

using Problem = Unexpected<std::string>;

// What Postfix would send, as far as it was said.
std::string request_from(const std::vector<std::string>& attributes) {
  std::string text;
  const auto said = [&attributes](std::string_view name) {
    return std::ranges::any_of(attributes, [name](std::string_view a) { return a.substr(0, a.find('=')) == name; });
  };
  if (!said("request")) text += "request=smtpd_access_policy\n";
  if (!said("protocol_state")) text += "protocol_state=RCPT\n";
  for (const auto& attribute : attributes) text += attribute + "\n";
  return text + "\n";
}

Result<Endpoint, std::string> server_of(const QueryOptions& options) {
  if (options.server) return *options.server;
  Diagnostics diagnostics;
  const auto config = read_config(options.origins, diagnostics);
  if (config && !config->main.listen.empty()) return config->main.listen.front();
  return Problem{diagnostics.empty() ? "main.conf has no listener" : summary(diagnostics.front())};
}

Result<std::string, std::string> question_of(const QueryOptions& options) {
  auto text = options.attributes.empty() ? read_all(STDIN_FILENO) : request_from(options.attributes);
  if (text.empty()) return Problem{"nothing to ask: say name=value, or send a request on standard input"};
  if (!text.ends_with("\n\n")) text += text.ends_with('\n') ? "\n" : "\n\n";
  return text;
}

Result<std::string, std::string> ask_server(const QueryOptions& options, const std::string& question) {
  const auto server = server_of(options);
  if (!server) return Problem{server.error()};
  const auto answer = exchange(*server, question, options.timeout, one_reply);
  if (!answer) return Problem{answer.error()};
  const auto reply = parse_reply(*answer);
  if (!reply) return Problem{with_what_came("the server closed the connection without an answer", *answer)};
  if (!reply->action) return Problem{with_what_came("the reply has no action", *answer)};
  return std::string{*reply->action};
}

Result<std::string, std::string> ask(const QueryOptions& options) {
  const auto question = question_of(options);
  if (!question) return Problem{question.error()};
  return options.plugin ? ask_plugin(*options.plugin, *question, options.timeout) : ask_server(options, *question);
}

}  // namespace

int query(const QueryOptions& options) {
  const auto action = ask(options);
  if (!action) {
    fmt::print(stderr, "policymux query: {}\n", action.error());
    return 1;
  }
  std::string safe;
  append_safe(safe, *action);
  fmt::print("action={}\n", safe);
  return 0;
}

}  // namespace policymux
