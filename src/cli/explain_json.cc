// The only file that knows the library of JSON.
#include "cli/explain_json.h"

#include <nlohmann/json.hpp>

namespace policymux {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Explanation::Head& request) {
  return {{"protocol_state", request.protocol_state}, {"client_name", request.client_name},
          {"client_address", request.client_address}, {"helo_name", request.helo_name},
          {"sender", request.sender},                 {"recipient", request.recipient}};
}

Json json_of(const std::optional<Explanation::Where>& where) {
  return where ? Json{{"file", where->file}, {"line", where->line}} : Json{};
}

Json json_of(const Explanation::Test& test) {
  return {{"name", test.name}, {"negated", test.negated}, {"truth", to_string(test.truth)}, {"reason", test.reason}};
}

Json json_of(const Explanation::Line& line) {
  auto tests = Json::array();
  for (const auto& test : line.tests) tests.push_back(json_of(test));
  Json out = {{"file", line.where.file}, {"line", line.where.line}, {"chain", line.chain},     {"text", line.text},
              {"tests", tests},          {"reached", line.reached}, {"matched", line.matched}};
  if (line.matched) out["action"] = line.action;
  if (!line.would_ask.empty()) out["would_ask"] = line.would_ask;
  return out;
}

Json json_of(const Explanation::Effect& effect) {
  return {{"kind", effect.kind}, {"text", effect.text}, {"rule", json_of(effect.rule)}};
}

}  // namespace

std::string to_json(const Explanation& explanation) {
  auto lines = Json::array(), effects = Json::array();
  for (const auto& line : explanation.lines) lines.push_back(json_of(line));
  for (const auto& effect : explanation.effects) effects.push_back(json_of(effect));
  Json out = {{"request", json_of(explanation.request)},
              {"lines", lines},
              {"decision", explanation.decision},
              {"rule", json_of(explanation.rule)},
              {"look_up_failed", explanation.look_up_failed},
              {"nobody_asked", explanation.nobody_asked},
              {"effects", effects}};
  if (explanation.other_kind) out["other_kind"] = *explanation.other_kind;
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace policymux
