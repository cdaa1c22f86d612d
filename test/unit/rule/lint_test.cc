// LANGUAGE.md's warnings of `check` that look at many access lines together.
#include "rule/lint.h"

#include <algorithm>
#include <string>

#include "load_helper.h"
#include "rule/source.h"
#include "rule/table.h"

using namespace policymux;

namespace {

std::string doubts(std::string_view text) {
  const std::vector<QuestionKind> built_in = {QuestionKind::greylisting, QuestionKind::rbl};
  const auto loaded = try_policy(text, {.built_in = built_in});
  INFO(told(loaded.diagnostics));
  REQUIRE(loaded.policy);
  std::string out;
  for (const auto& doubt : lint(*loaded.policy, **compile(*loaded.policy))) {
    if (doubt.what.text.starts_with("this line"))
      out += summary(doubt).substr(std::string_view{"policy.conf:"}.size()) + '\n';
  }
  return out;
}

// Which of the access lines behind `head`, counted from 1, never match.
std::string shadowed(std::string_view access) {
  static constexpr std::string_view head =
      "acl a sender match=exact a@x.test\nacl same sender match=exact a@x.test\n"
      "acl ab sender match=exact b@x.test A@x.test\nacl b sender match=exact b@x.test\n"
      "acl cased sender match=exact case=sensitive a@x.test\nacl file sender match=exact /list\n"
      "acl org sender match=domain x.org y.org\nacl below sender match=domain .x.org\nacl deep sender match=domain "
      "a.x.org.\n"
      "acl net client_address 192.0.2.0/24\nacl any any a net\nacl any2 any net a\nacl much score >=1\nacl l log\n"
      "acl grey greylisting delay=1m\nacl rbl rbl l.example\nacl either any a net\nacl both all a net\n"
      "acl neither none a net\nacl sure any a rbl\nacl failed all on_error=match rbl a\nacl plain all rbl a\n"
      "acl wide client_address 10.0.0.0/8\nacl narrow client_address 10.1.0.0/16\n"
      "acl two client_address 10.0.0.1 10.0.0.2\nacl one client_address 10.0.0.1\n"
      "acl large size >100\nacl larger size >1000\nacl size0 size >0\n"
      "acl rx_two sender a@x b@x\nacl rx_one sender a@x\nacl rx_other sender b@x A@x\n"
      "acl rx_exact sender ^a@x\\.org$\nacl x sender match=exact a@x.org\n"
      "acl more sender match=exact b@x.test /list\nacl rcpt protocol_state RCPT\nacl mail protocol_state MAIL\n"
      "action no REJECT\naction ok OK\naction s SCORE 1\naction back RETURN\n"
      "action maybe 450 ${sasl_username}\naction says LOG x\naction told REJECT ${sender} is not welcome\n";
  const auto first = std::count(head.begin(), head.end(), '\n');
  const auto text = doubts(std::string{head} + std::string{access} + "#--- /list\na@x.test\n");
  std::string lines;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    const auto line = std::stol(text.substr(at));
    const auto told = text.substr(at, text.find('\n', at) - at);
    const auto by = told.find("policy.conf:");
    lines += (lines.empty() ? "" : " ") + std::to_string(line - first);
    if (by != told.npos) lines += "<" + std::to_string(std::stol(told.substr(by + 12)) - first);
  }
  return lines;
}

}  // namespace

TEST_CASE("lines that can never match because an earlier one always does when they do") {
  struct Case { std::string_view lines, want; };
  static constexpr Case cases[] = {
      {"access a no\naccess a ok\n", "2<1"},
      {"access a no\naccess a net ok\n", "2<1"},
      {"access a net no\naccess a ok\naccess net ok\n", ""},
      {"access net a no\naccess l a much net ok\n", "2<1"},
      {"access a no\naccess !a ok\n", ""},
      {"access !a no\naccess b !a ok\n", "2<1"},
      {"access a no\naccess same ok\n", "2<1"},           // another name of the same test
      {"access ab no\naccess a ok\naccess b !net ok\n", "2<1 3<1"},  // a list that holds the other
      {"access a no\naccess ab ok\n", ""},
      {"access !ab no\naccess !a ok\n", ""},
      {"access cased no\naccess a ok\n", ""},
      {"access a no\naccess file ok\n", ""},              // lists in files are not compared
      {"access org no\naccess below ok\naccess deep ok\n", "2<1 3<1"},
      {"access below no\naccess deep ok\naccess org ok\n", "2<1"},
      {"access deep no\naccess below ok\n", ""},
      {"access any no\naccess any ok\naccess a ok\n", "2<1 3<1"},
      {"access grey no\naccess grey net ok\n", "2<1"},    // asked once a request
      {"access a s\naccess a ok\n", ""},                  // goes on
      {"access a says\naccess a ok\n", ""},
      {"access a maybe\naccess a ok\n", ""},              // its text may be none
      {"access a told\naccess a ok\n", "2<1"},           // an answer whatever its text
      {"access a\naccess a ok\n", "2<1"},
      {"access either no\naccess a ok\n", "2<1"},
      {"access a no\naccess both ok\n", "2<1"},
      {"access both no\naccess a net ok\naccess net much a\naccess a\n", "2<1 3<1"},
      {"access neither no\naccess !a ok\naccess !a !net ok\n", "3<2"},
      {"access !a no\naccess neither ok\n", "2<1"},
      {"access !either no\naccess neither ok\n", "2<1"},
      {"access !both no\naccess !a ok\n", "2<1"},
      {"access sure no\naccess a ok\n", "2<1"},
      {"access rbl no\naccess failed ok\n", ""},         // on_error=match: TRUE where rbl is UNKNOWN
      {"access rbl no\naccess plain ok\n", "2<1"},
      {"access wide no\naccess narrow ok\naccess one ok\naccess two ok\n", "2<1 3<1 4<1"},
      {"access two no\naccess one ok\naccess narrow\n", "2<1"},
      {"access one no\naccess two ok\n", ""},
      {"access large no\naccess larger ok\naccess size0\n", "2<1"},
      {"access rx_two no\naccess rx_one ok\n", "2<1"},
      {"access rx_two no\naccess rx_other ok\n", "2<1"},
      {"access rx_exact no\naccess x ok\n", "2<1"},
      {"access file no\naccess more ok\naccess file net\n", "3<1"},
      {"access more no\naccess file ok\naccess b net\n", "2<1 3<1"},
      {"access a !ab no\n", "1"},
      {"access a a b no\naccess ab b no\naccess cased b no\naccess a file no\naccess a !a a no\n", "1 3<2"},
      {"access rcpt mail no\naccess rcpt !mail no\n", "1"},
      {"access a !either ok\naccess both !net ok\naccess neither !a ok\n", "1 2"},
      {"access much no\naccess a s\naccess much ok\n", ""},
      {"access a no\naccess a much ok\n", "2<1"},
      {"access l no\naccess a ok\naccess net\n", "2<1 3<1"},
      {"access a no\naccess a ok\naccess a ok\n", "2<1 3<1"},
      {"action call CHAIN c\naccess net call\nchain c\naccess a back\naccess a ok\nchain main\naccess a no\n", "5<4"},
  };
  for (const auto& [lines, want] : cases) {
    CAPTURE(lines);
    CHECK(shadowed(lines) == want);
  }
}

TEST_CASE("of a line that never matches the one before it is named") {
  CHECK(doubts("acl a sender match=exact x\naccess a default\naccess a\n") ==
        "3:1: warning: this line never matches: policy.conf:2 comes first and matches whenever this one would\n");
}

TEST_CASE("tests that are never known at the protocol states their line can see") {
  const std::string head =
      "acl connect protocol_state CONNECT\nacl early protocol_state CONNECT EHLO HELO\nacl rcpt protocol_state RCPT\n"
      "acl s sender match=exact x\nacl r recipient_domain match=exact x\nacl n recipient_count 2\nacl h helo_name "
      "match=exact x\n"
      "acl rhsbl rhsbl key=sender_domain list.example\nacl new attribute:x_new match=exact x\n"
      "acl both all s h\nacl either any s client\nacl client client_name match=exact x\nacl senders any s !r\n"
      "acl neither none s client\n"
      "action ok OK\n";
  struct Case { std::string_view lines; bool doubted; };
  static constexpr Case cases[] = {{"access connect s ok\n", true},
                                   {"access connect !s ok\n", true},
                                   {"access early s ok\n", true},
                                   {"access early h ok\n", false},
                                   {"access connect h ok\n", true},
                                   {"access rcpt s ok\n", false},
                                   {"access rcpt n ok\n", true},
                                   {"access s n ok\n", false},
                                   {"access !rcpt r ok\n", false},
                                   {"access connect new ok\n", false},
                                   {"action c CHAIN c\naccess connect c\nchain c\naccess s ok\n", true},
                                   {"action c CHAIN c\naccess connect c\naccess rcpt c\nchain c\naccess s ok\n", false},
                                   {"access connect both ok\n", true},
                                   {"access connect !both ok\n", true},
                                   {"access connect either ok\n", false},
                                   {"access connect !either ok\n", true},
                                   {"access connect neither ok\n", true},
                                   {"access connect !neither ok\n", false},
                                   {"access early senders ok\n", true},
                                   {"access rcpt both either senders ok\n", false},
                                   {"access s r n h ok\n", false}};
  for (const auto& [lines, doubted] : cases) {
    CAPTURE(lines);
    CHECK((doubts(head + std::string{lines}).find("never matches: acl") != std::string::npos) == doubted);
  }
  CHECK(doubts("acl c protocol_state CONNECT HELO\nacl s recipient match=exact x\naccess c s default\n") ==
        "3:1: warning: this line never matches: acl 's' is UNKNOWN at CONNECT, HELO, and no other protocol state fits "
        "the "
        "line (recipient can be known at RCPT, DATA, END-OF-MESSAGE, VRFY)\n");
  CHECK(doubts("acl z size =0\nacl e etrn_domain match=exact x.org\nacl a any z e\naccess !a default\n")
            .starts_with("4:1: warning: this line never matches: acl 'a' is never FALSE at CONNECT, "));
  CHECK(doubts("acl q rhsbl key=sender_domain list.example\nacl c protocol_state EHLO\naccess c q default\n")
            .find("acl 'q' is UNKNOWN at EHLO") != std::string::npos);
}

TEST_CASE("an attribute can be known where Postfix has it, or where having none means that it is empty") {
  using enum ProtocolState;
  CHECK(can_be_known(Attribute::client_name, connect));
  CHECK_FALSE(can_be_known(Attribute::sender, ehlo));
  CHECK(can_be_known(Attribute::sender, mail));
  CHECK(can_be_known(Attribute::recipient, vrfy));
  CHECK_FALSE(can_be_known(Attribute::recipient_count, rcpt));
  CHECK_FALSE(can_be_known(Attribute::etrn_domain, rcpt));
  CHECK(can_be_known(std::nullopt, connect));
  CHECK(can_be_known(Attribute::sender, not_sent));
}
