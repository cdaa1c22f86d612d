#include <iterator>
#include <string>

#include <fmt/format.h>

#include "base/text.h"
#include "rule/explain.h"

namespace policymux {
namespace {

std::string safe(std::string_view text) {
  std::string out;
  append_safe(out, text);
  return out;
}

std::string to_text(const Explanation::Where& where) { return safe(where.file) + ':' + std::to_string(where.line); }

std::string to_text(const Explanation::Head& request) {
  return fmt::format("request: {} client={}[{}] helo=\"{}\" sender=\"{}\" recipient=\"{}\"\n",
                     request.protocol_state.empty() ? "(no protocol_state)" : safe(request.protocol_state),
                     safe(request.client_name), safe(request.client_address), safe(request.helo_name),
                     safe(request.sender), safe(request.recipient));
}

std::string outcome(const Explanation::Line& line) {
  if (!line.reached) return "not reached";
  if (line.matched) return "match: " + line.action;
  return line.would_ask.empty() ? "no match" : safe(line.would_ask) + " is not asked here";
}

void append(std::string& out, const Explanation::Line& line) {
  const std::string indent(2 * line.depth, ' ');
  const auto print = [&]<class... Args>(fmt::format_string<Args...> format, Args&&... args) {
    out += indent;
    fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
  };
  print("{}: {}\n", to_text(line.where), safe(line.text));
  for (const auto& test : line.tests) {
    print("    {}{}: {} ({})\n", test.negated ? "!" : "", test.name, to_string(test.truth), safe(test.reason));
  }
  print("  {}\n", outcome(line));
}

std::string decided_by(const Explanation& explanation) {
  if (explanation.other_kind) return "request=" + safe(*explanation.other_kind) + " is no policy request";
  std::string by = "the default: nothing matched";
  if (explanation.look_up_failed) by = "instead of the default, since a look-up failed";
  else if (explanation.rule) by = to_text(*explanation.rule);
  return explanation.nobody_asked ? by + ", as nobody was asked" : by;
}

}  // namespace

std::string to_text(const Explanation& explanation) {
  auto out = to_text(explanation.request);
  for (const auto& line : explanation.lines) append(out, line);
  out += fmt::format("decision: {} ({})\n", safe(explanation.decision), decided_by(explanation));
  for (const auto& effect : explanation.effects) {
    out +=
        fmt::format("{}: {} ({})\n", effect.kind, safe(effect.text), effect.rule ? to_text(*effect.rule) : "default");
  }
  return out;
}

}  // namespace policymux
