#include "app/value_checks.h"

#include "base/diagnostic.h"
#include "support/catch.h"

using namespace policymux;

namespace {

std::vector<std::string> told(std::string_view text, Severity severity) {
  Diagnostics diagnostics;
  parse_config(text, "main.conf", ConfigDialect::policymux, diagnostics, value_checks());
  std::vector<std::string> out;
  for (const auto& diagnostic : diagnostics) {
    if (diagnostic.severity == severity) out.push_back(summary(diagnostic));
  }
  return out;
}

std::vector<std::string> mistakes(std::string_view text) { return told(text, Severity::error); }

}  // namespace

TEST_CASE("\"values that do not fit are errors with file:line; all of them are told at once\": networks of allow") {
  const auto told = mistakes("[main]\nallow = 10.0.0.0/8 10.0.0.1/8, 192.0.2.1\n  192.0.2.9-192.0.2.1\nuser = a b\n");
  REQUIRE(told.size() == 3);
  CHECK(told[0].starts_with("main.conf:2:20: error: allow: "));
  CHECK(told[0].find("10.0.0.1/8") != std::string::npos);
  CHECK(told[1].starts_with("main.conf:2:9: error: allow: "));
  CHECK(told[1].find("192.0.2.9-192.0.2.1") != std::string::npos);
  CHECK(told[2].starts_with("main.conf:4:8: error: user: "));
}

TEST_CASE("a group's default_action is an action that Postfix takes for what it seems to be") {
  for (const std::string bad : {"FROB", "550", "451", "FILTER nowhere", "reject_rbl_client a:b", "frob"}) {
    CAPTURE(bad);
    const auto told = mistakes("[group g]\nretries = 1\ndefault_action = " + bad + "\n");
    REQUIRE(told.size() == 1);
    CHECK(told[0].starts_with("main.conf:3:18: error: default_action: "));
  }
  for (const std::string good : {"451 4.3.5 Later", "DUNNO", "DEFER_IF_PERMIT", "reject_unverified_sender", "frob"}) {
    CAPTURE(good);
    CHECK(mistakes("[group g]\ndefault_action = " + good + "\n[main]\nrestriction_classes = frob\n").empty());
  }
}

TEST_CASE("balance = hash: wants an attribute that Postfix sends: another one would be the same for all requests") {
  const auto balance = [](const std::string& by) { return "[group g]\nbalance = " + by + "\n"; };
  for (const auto* by : {"hash:client_address", "hash:sasl_username", "weighted"}) {
    CAPTURE(by);
    CHECK(mistakes(balance(by)).empty());
    CHECK(told(balance(by), Severity::warning).size() == 1);  // the group is empty
  }
  for (const auto* by : {"hash:client_adress", "hash:Sender"}) {
    CAPTURE(by);
    REQUIRE(mistakes(balance(by)).size() == 1);
    CHECK(mistakes(balance(by))[0].starts_with("main.conf:2:11: error: balance: Postfix sends no attribute '"));
    CHECK(mistakes(balance(by))[0].find("did you mean '") != std::string::npos);
  }
  CHECK(mistakes(balance("hash:x_site")).empty());
  CHECK(told(balance("hash:x_site"), Severity::warning).size() == 2);
}

TEST_CASE("a service's program that is not there is a doubt") {
  struct Case { std::string text, want; };
  const Case cases[] = {
      {"address = exec:/nonexistent -v", "main.conf:2:11: warning: address: /nonexistent: No such file or directory"},
      {"address = exec:/etc/passwd", "main.conf:2:11: warning: address: /etc/passwd: it is no program"},
      {"address = exec:/", "main.conf:2:11: warning: address: /: it is no program"},
      {"address = exec:nonexistent", "main.conf:2:11: warning: address: nonexistent: not found in PATH"},
      {"address = exec:sh\ndirectory = /nonexistent",
       "main.conf:2:11: warning: address: directory /nonexistent: No such file or directory"},
      {"address = exec:sh\nenvironment = PATH=/etc", "main.conf:2:11: warning: address: sh: not found in PATH"},
      {"address = exec:sh -c x", ""},
      {"address = exec:bin/sh\ndirectory = /", ""},
      {"address = exec:/nonexistent\n[main]\nchroot = /var", ""},  // who knows what is in there
  };
  for (const auto& [text, want] : cases) {
    CAPTURE(text);
    const auto doubts = told("[service s]\n" + text + "\n", Severity::warning);
    CHECK(doubts == (want.empty() ? std::vector<std::string>{} : std::vector{want}));
  }
}
