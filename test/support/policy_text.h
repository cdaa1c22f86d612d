// Policies and requests from the text of a test.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proto/parser.h"
#include "rule/load.h"
#include "rule/table.h"
#include "support/catch.h"
#include "support/memory_files.h"

namespace policymux::test {

// Every kind of question can be asked.
inline constexpr std::array every_question = {
    QuestionKind::rbl, QuestionKind::rhsbl, QuestionKind::dns, QuestionKind::spf, QuestionKind::country,
    QuestionKind::asn, QuestionKind::table, QuestionKind::greylisting, QuestionKind::rate, QuestionKind::quota,
    QuestionKind::distinct, QuestionKind::service, QuestionKind::lua, QuestionKind::learn, QuestionKind::policy};

inline Policy policy_of(std::string_view text) {
  MemoryFiles files{{{"policy.conf", std::string{text}}}};
  auto loaded = load_policy(files, "policy.conf", {.built_in = every_question});
  for (const auto& diagnostic : loaded.diagnostics) UNSCOPED_INFO(render(diagnostic));
  REQUIRE(loaded.policy);
  return *std::move(loaded.policy);
}

inline std::shared_ptr<const Table> table_of(std::string_view text) {
  auto table = compile(policy_of(text));
  REQUIRE(table);
  return *std::move(table);
}

// A request and the bytes that it refers to. "sender=a@b recipient=c@d" has blanks where lines end; a first
// word without '=' is the protocol_state; `request=` is added unless it is there.
class RequestText {
 public:
  explicit RequestText(std::string_view words) {
    if (words.find("request=") != 0 && words.find(" request=") == words.npos) bytes_ = "request=smtpd_access_policy\n";
    while (!words.empty()) {
      const auto word = words.substr(0, words.find(' '));
      words.remove_prefix(std::min(word.size() + 1, words.size()));
      if (word.empty()) continue;
      bytes_.append(word.find('=') == word.npos ? "protocol_state=" : "").append(word).append("\n");
    }
    bytes_ += "\n";
    REQUIRE(parser_.parse(bytes_) == ParseStatus::complete);
  }
  RequestText(const RequestText&) = delete;
  RequestText& operator=(const RequestText&) = delete;

  Request& operator*() { return parser_.request(); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  RequestParser parser_;
};

}  // namespace policymux::test
