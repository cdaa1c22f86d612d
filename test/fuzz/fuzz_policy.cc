// libFuzzer: whatever a policy says, loading it ends well: with a policy that can be printed and compiled, doubted,
// asked and explained, or with mistakes whose places exist. "#--- PATH" lines begin further files, so that includes
// and lists are met.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "proto/parser.h"
#include "rule/explain.h"
#include "rule/lint.h"
#include "rule/load.h"
#include "support/memory_files.h"

using namespace policymux;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::string_view line_of(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) {
    const auto end = text.find('\n');
    require(end != text.npos);
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

void check_place(const Error& what, const MemoryFiles& files) {
  const auto file = files.texts.find(what.file);
  require(file != files.texts.end());
  require(what.line >= 0 && what.column >= 0);
  if (what.line == 0) return;
  auto text = std::string_view{file->second};
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  require(static_cast<std::size_t>(what.column) <= line_of(text, what.line).size() + 1);
}

void check_place(const Place& place, const Policy& policy, const MemoryFiles& files) {
  require(place.file < policy.files.size());
  check_place({.file = policy.files[place.file], .line = place.line, .column = place.column}, files);
}

void check(const Policy& policy, const MemoryFiles& files) {
  for (const auto& acl : policy.acls) check_place(acl.place, policy, files);
  for (const auto& action : policy.actions) check_place(action.place, policy, files);
  for (const auto& line : policy.lines) {
    check_place(line.place, policy, files);
    require(!line.terms.empty());
  }
  require(!dump(policy).empty());
}

// Larger policies are loaded, but neither compiled nor asked: their patterns may cost seconds.
constexpr std::size_t largest_compiled = 16'384;  // bytes

constexpr std::string_view requests[] = {
    "request=smtpd_access_policy\nprotocol_state=CONNECT\nclient_address=::ffff:192.0.2.1\nclient_name=unknown\n\n",
    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=192.0.2.1\n"
    "client_name=mail.example.org\nhelo_name=mail.example.org\nsender=foo@bar.com\nrecipient=joe@example.net\n"
    "recipient_count=0\nsize=12345\nsasl_username=joe\nx_new=\xff\nstress=yes\n\n",
};

// Any answer is one that Postfix understands, and the reasons for it are text.
void ask(const Policy& policy) {
  const auto table = compile(policy);
  if (!table) return;
  require(!dump(**table, policy).empty());
  for (const auto& doubt : lint(policy, **table)) {
    require(!render(doubt).empty() && doubt.severity == Severity::warning);
  }
  Evaluator evaluator{*table};
  for (const auto text : requests) {
    RequestParser parser;
    require(parser.parse(text) == ParseStatus::complete);
    auto& request = parser.request();
    request.now = WallTime{std::chrono::seconds{1'785'000'000}};
    Facts nobody_answers;
    nobody_answers.expire();
    const auto* decision = evaluator.evaluate(request, nobody_answers);
    require(decision != nullptr && evaluator.needs().empty());
    require(check_action(decision->action(), {.restriction_classes = policy.restriction_classes}).operator bool());
    require(is_utf8(to_text(explain(policy, evaluator, request))));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto files = MemoryFiles::from_bundle({reinterpret_cast<const char*>(data), size});
  const auto loaded = load_policy(files, "policy.conf", {});
  require(loaded.policy.has_value() == !has_errors(loaded.diagnostics));
  for (const auto& diagnostic : loaded.diagnostics) {
    check_place(diagnostic.what, files);
    require(is_utf8(render(diagnostic)));
  }
  if (!loaded.policy) return 0;
  check(*loaded.policy, files);
  if (size <= largest_compiled) ask(*loaded.policy);
  return 0;
}
