// Policies as a whole: what apolicy's users bring along, and what lint says of policies that are right.

#include <algorithm>
#include <string>

#include "load_helper.h"
#include "rule/graph.h"
#include "rule/lint.h"

using namespace policymux;

namespace {

std::string lint_of(std::string_view text) {
  const auto loaded = try_policy(text);
  REQUIRE(loaded.policy);
  return told(lint(*loaded.policy, **compile(*loaded.policy)));
}

}  // namespace

TEST_CASE("a policy without statements is one: everything is DUNNO") {
  for (const std::string_view text : {"", "\n", "# nothing\n", "\xEF\xBB\xBF"}) {
    const auto policy = load(text);
    CHECK(policy.chains.size() == 1);
    CHECK(dump(policy) == "chain main\ndefault DUNNO\n");
  }
}

TEST_CASE("acls and actions that nobody uses are doubted") {
  CHECK(lint_of("acl a sender match=exact x\nacl b sender match=exact x\nacl c any a\naction x OK\naction y OK\naction "
                "default DUNNO\n"
                "access !c x\n") ==
        "2:1: warning: no access line uses acl 'b'\n5:1: warning: no access line uses action 'y'\n");
  CHECK(lint_of("acl a sender match=exact x\nacl b any a\naction default REJECT ${acl.a}\n").find("uses acl 'a'") !=
        std::string::npos);
}

TEST_CASE("a regular expression that begs to be exact is doubted") {
  const auto doubts = [](const std::string& value) {
    return lint_of("acl a sender " + value + "\naccess a\n").find("match=exact is what you mean") != std::string::npos;
  };
  for (const std::string begging : {"foo@bar.com", "foo.bar+baz@mail.example.org", "x foo@bar.com"}) {
    CAPTURE(begging);
    CHECK(doubts(begging));
  }
  for (const std::string fine : {"@bar.com", "foo@", "^foo@bar\\.com$", "match=exact foo@bar.com", "foo@bar",
                                 "(a|b)@bar.com", "foo@bar\\.com"}) {
    CAPTURE(fine);
    CHECK_FALSE(doubts(fine));
  }
}

TEST_CASE(
    "a pattern that needs back-references or look-around is compiled by a backtracking engine, and `check` says so") {
  CHECK(lint_of("acl a service s ^x (a)\\1\naccess a\n").find("'(a)\\1' needs the backtracking engine") !=
        std::string::npos);
  CHECK(lint_of("acl a sender (a)\\1 ^x\naccess a\n").find("'(a)\\1' needs the backtracking engine") !=
        std::string::npos);
  CHECK(lint_of("acl a sender a.*b\naccess a\n").empty());
}

TEST_CASE("a REJECT default that can be reached at CONNECT, EHLO, VRFY or ETRN is doubted") {
  const std::string reject =
      "action default REJECT\naction ok OK\nacl r recipient match=exact x@y\nacl s sender match=exact x@y\n"
      "acl early protocol_state CONNECT EHLO HELO VRFY ETRN\nacl rcpt protocol_state match=regex ^RCPT$\n";
  const auto states = [&](const std::string& lines) {
    const auto text = lint_of(reject + lines);
    std::string out;
    for (const std::string state : {"CONNECT", "EHLO", "VRFY", "ETRN", "DATA", "END-OF-MESSAGE"}) {
      const auto at = text.find("can be reached at ");
      const auto list = at == text.npos ? std::string{} : text.substr(at);
      auto pieces = list.substr(0, list.find('('));
      const auto again = list.find("can be reached at ", 1);
      if (again != list.npos) pieces += list.substr(again, list.find('(', again) - again);
      if (pieces.find(state) != pieces.npos) out += state + ' ';
    }
    return out;
  };
  CHECK(states("access s ok\n") == "CONNECT EHLO VRFY ETRN ");
  CHECK(states("access early ok\naccess s ok\n").empty());
  CHECK(states("access !rcpt ok\naccess r ok\n").empty());
  CHECK(states("access early s ok\n") == "CONNECT EHLO VRFY ETRN ");
  CHECK(states("access early ok\naccess r ok\n") == "DATA END-OF-MESSAGE ");
  CHECK(states("access early\n") == "CONNECT EHLO VRFY ETRN ");
  CHECK(lint_of("action default DUNNO\n").empty());
}

TEST_CASE("graphs: cycles and heights") {
  const auto straight = walk({{1}, {2}, {}});
  CHECK(straight.cycles.empty());
  CHECK(straight.heights == std::vector<std::uint32_t>{2, 1, 0});
  const auto diamond = walk({{1, 2}, {3}, {3}, {}, {4}});
  CHECK(diamond.heights[0] == 2);
  REQUIRE(diamond.cycles.size() == 1);
  CHECK(diamond.cycles[0] == std::vector<std::uint32_t>{4});
  const auto round = walk({{1}, {2}, {0, 1}});
  CHECK(round.cycles.size() == 2);
}
