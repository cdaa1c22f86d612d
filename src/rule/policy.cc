#include "rule/policy.h"

#include <algorithm>
#include <unordered_set>

#include "base/text.h"
#include "rule/lexer.h"

namespace policymux {
namespace {

// Calls f for the acl, or for every acl that is combined in it, at any depth, once each.
template <class F>
void for_each_part(const Policy& policy, std::uint32_t acl, F f) {
  std::vector<std::uint32_t> open{acl};
  std::unordered_set<std::uint32_t> seen;
  while (!open.empty()) {
    const auto next = open.back();
    open.pop_back();
    const auto* composite = std::get_if<CompositeTest>(&policy.acls[next].test);
    if (composite == nullptr) {
      f(policy.acls[next]);
    } else if (seen.insert(next).second) {
      for (const auto& term : composite->terms) open.push_back(term.acl);
    }
  }
}

TestKind kind_of_part(const Acl& acl) {
  if (std::holds_alternative<LogTest>(acl.test)) return TestKind::log;
  const auto* question = std::get_if<QuestionTest>(&acl.test);
  if (question == nullptr) return TestKind::inline_test;
  return question_type(question->definition->kind).conduct == Conduct::reading ? TestKind::reading : TestKind::acting;
}

}  // namespace

std::optional<std::string> Template::constant() const {
  if (parts.empty()) return std::string{};
  const auto* literal = std::get_if<Literal>(&parts.front());
  if (literal == nullptr || parts.size() > 1) return std::nullopt;
  return literal->text;
}

TestKind Policy::kind_of(std::uint32_t acl) const {
  auto kind = TestKind::inline_test;
  for_each_part(*this, acl, [&](const Acl& part) { kind = std::max(kind, kind_of_part(part)); });
  return kind;
}

bool Policy::depends_on_score(std::uint32_t acl) const {
  bool depends = false;
  for_each_part(*this, acl, [&](const Acl& part) {
    depends |= std::holds_alternative<ScoreTest>(part.test) || std::holds_alternative<TagTest>(part.test);
  });
  return depends;
}

std::string Policy::where(const Place& place) const { return files[place.file] + ':' + std::to_string(place.line); }

}  // namespace policymux
