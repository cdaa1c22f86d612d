#include "rule/judge.h"

#include <string_view>
#include <utility>

namespace policymux {
namespace {

Outcome judge(const RegexIndex& patterns, std::string_view text) {
  IdList found, gave_up;
  patterns.find(text, found, gave_up);
  if (!found.empty()) return Outcome::yes;
  return gave_up.empty() ? Outcome::no : Outcome::unknown;
}

}  // namespace

Answer judged(const Table& table, QuestionId question, Answer answer) {
  const auto& patterns = table.patterns[question];
  if (patterns && answer.outcome != Outcome::unknown && !answer.fields.empty()) {
    answer.outcome = judge(*patterns, answer.fields.front());
  }
  return answer;
}

}  // namespace policymux
